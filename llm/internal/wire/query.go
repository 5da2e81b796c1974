package wire

import "net/url"

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
