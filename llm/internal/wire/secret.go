package wire

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Cut masks and then bounds what a server said.
func (c *Client) Cut(s string) string {
	s = strings.ToValidUTF8(c.mask(s), "\uFFFD")
	if len(s) > keepBody {
		s = strings.ToValidUTF8(s[:keepBody], "") + "…"
	}
	return s
}

// Own masks what a model said: keys of 16 bytes or more alone, so that no
// placeholder changes what somebody says.
func (c *Client) Own(s string) string { return c.maskOwn(s) }

// secrets collects what must never be shown.
func secrets(key string, header http.Header, u *url.URL) []string {
	list := []string{key}
	sensitive := func(name string) bool {
		name = strings.ToLower(name)
		for _, word := range []string{"key", "token", "auth", "secret", "cookie", "password", "signature"} {
			if strings.Contains(name, word) {
				return true
			}
		}
		return false
	}
	for name, values := range header {
		if sensitive(name) {
			for _, v := range values {
				list = append(list, v, v[strings.LastIndexByte(v, ' ')+1:]) // with and without "Bearer "
			}
		}
	}
	for name, values := range u.Query() {
		if !strings.Contains(strings.ToLower(name), "version") { // which is no secret, and errors are about
			list = append(list, values...)
		}
	}
	if u.User != nil {
		user := u.User.Username()
		pass, _ := u.User.Password()
		list = append(list, user, pass, base64.StdEncoding.EncodeToString([]byte(user+":"+pass)))
	}
	return list
}

// maskers return functions that replace secrets, as they are and as they look in a
// URL or in JSON. A text of fewer than 8 bytes is a placeholder such as "ollama".
func maskers(list []string) (all, long func(string) string) {
	build := func(least int) func(string) string {
		var pairs []string
		for _, s := range list {
			if len(s) < least {
				continue
			}
			quoted, _ := json.Marshal(s) // a string always has a form
			for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), string(quoted[1 : len(quoted)-1])} {
				pairs = append(pairs, form, "***")
			}
		}
		if pairs == nil {
			return func(s string) string { return s }
		}
		return strings.NewReplacer(pairs...).Replace
	}
	return build(8), build(16)
}
