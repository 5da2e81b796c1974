package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func post(t *testing.T, url, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url+"/chat", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if err := resp.Write(&b); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b.String()
}

// TestDesk: conversations are apart, and a message sent again is answered as before.
func TestDesk(t *testing.T) {
	s := httptest.NewServer(newDesk())
	defer s.Close()
	for _, test := range []struct {
		key, body, want string
		code            int
	}{
		{"1", `{"session":"a","message":"When do you OPEN?"}`, "from 10 to 19", 200},
		{"2", `{"session":"b","message":"Mumble"}`, "did not understand that. I know", 200},
		{"3", `{"session":"b","message":"Mumble"}`, "call the desk", 200},
		{"2", `{"session":"b","message":"Mumble"}`, "did not understand that. I know", 200},
		{"4", `{"session":`, "unexpected EOF", 400},
	} {
		if code, got := post(t, s.URL, test.key, test.body); code != test.code || !strings.Contains(got, test.want) {
			t.Errorf("%s: %d, %s", test.body, code, got)
		}
	}
	resp, err := http.Get(s.URL + "/calls")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if err := resp.Write(&b); err != nil {
		t.Fatal(err)
	}
	if want := `{"calls":4,"repeated":1}`; !strings.Contains(b.String(), want) {
		t.Errorf("%s is not in %s", want, b.String())
	}
}
