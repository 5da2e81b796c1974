package wire

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
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

// secrets collects what must never be shown: keys, which nobody says by chance, and what
// else an address has that may be a secret or a word.
func secrets(key string, header http.Header, u *url.URL) (keys, words []string) {
	keys = []string{key}
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
				keys = append(keys, v, v[strings.LastIndexByte(v, ' ')+1:]) // with and without "Bearer "
			}
		}
	}
	for name, values := range u.Query() {
		switch {
		case sensitive(name):
			keys = append(keys, values...)
		case !strings.Contains(strings.ToLower(name), "version"): // which is no secret, and errors are about
			words = append(words, values...)
		}
	}
	if u.User != nil {
		user := u.User.Username()
		pass, _ := u.User.Password()
		keys, words = append(keys, pass, base64.StdEncoding.EncodeToString([]byte(user+":"+pass))), append(words, user)
	}
	return keys, words
}

// maskers return functions that replace secrets, as they are and as they look in a
// URL or in JSON: in errors, and in what a model said. A text of fewer than 8 bytes is a
// placeholder such as "ollama".
func maskers(keys, words []string) (all, own func(string) string) {
	build := func(list []string, least int) func(string) string {
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
	return build(slices.Concat(keys, words), 8), build(keys, 16)
}
