package wire

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
)

// With returns the client with more of a query in every address. It shares the
// connections.
func (c *Client) With(query url.Values) *Client {
	out, base := *c, *c.base
	all := base.Query()
	for name, values := range query {
		all[name] = values
	}
	base.RawQuery = all.Encode()
	out.base = &base
	return &out
}

// Extra writes further fields of a body for [Encode], sorted by name. own are the
// fields that may not be among them.
func Extra(fields map[string]any, own []string) ([]byte, error) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []byte
	for _, name := range names {
		if slices.Contains(own, name) {
			return nil, fmt.Errorf("extra field %s: set it by its own option", name)
		}
		k, _ := json.Marshal(name) // a string always has a form
		v, err := json.Marshal(fields[name])
		if err != nil {
			return nil, fmt.Errorf("extra field %s: %w", name, err)
		}
		out = append(append(append(append(out, ','), k...), ':'), v...)
	}
	return out, nil
}
