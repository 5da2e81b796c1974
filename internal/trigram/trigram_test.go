package trigram

import "testing"

func TestWithin(t *testing.T) {
	long := Of("It is too dear, and it is ugly as well.")
	for text, want := range map[string]bool{
		"It is ugly as well": true, "and it is UGLY, as well": true, "It is ugly as sin": false,
		"ugly as well": false, "": false, "It is too dear, and it is ugly as well.": true,
	} {
		if got := Of(text).Within(long); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if long.Within(Of("It is too dear")) || long.Like(Of("It is ugly as well")) {
		t.Error("a longer text is no part of a shorter one, and not like it")
	}
}
