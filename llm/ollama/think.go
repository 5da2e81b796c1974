package ollama

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
)

// thought is what was found of how a model is asked to think. It only ever grows.
type thought struct {
	none  bool // it is not to be asked at all
	plain bool // it takes true, but no effort
	must  bool // without any thought it says nothing
}

func (t thought) or(u thought) thought {
	return thought{t.none || u.none, t.plain || u.plain, t.must || u.must}
}

// words names what was found.
func (t thought) words() (out []string) {
	if t.none {
		return []string{"no think"}
	}
	if t.must {
		out = append(out, "think where nothing is said of it: without, replies are empty")
	}
	if t.plain {
		out = append(out, "think without an effort")
	}
	return out
}

// value returns the request's field of that name, nil for none.
func (t thought) value(effort string) any {
	if effort == "minimal" { // the least that there is
		effort = ""
	}
	switch {
	case t.none:
		return nil
	case effort == "" && !t.must:
		return false
	case t.plain:
		return true
	}
	return cmp.Or(effort, "low")
}

// mute reports whether a finished reply is empty though it is not the limit that made
// it so: models that cannot but think, such as gpt-oss, say nothing at all where they
// may not and a grammar waits for them.
func (r *chatResponse) mute() bool {
	return r.Message != nil && r.Done && r.Reason != "length" && strings.TrimSpace(r.Message.Content) == ""
}

// room returns a request's limit of output tokens after n of them are used, and
// whether anything is left.
func room(limit, n int) (int, bool) {
	if limit == 0 {
		return 0, true
	}
	return limit - n, limit > n
}

// refuses reports whether the server answers a prompt that does not fit with an error,
// as it is told to: those before 0.13 do not, or not in every release.
func (e *Endpoint) refuses(ctx context.Context) bool {
	var about struct {
		Version string `json:"version"`
	}
	if fail := e.exchange(ctx, "ollama", "", http.MethodGet, "api/version", nil, &about); fail != nil {
		return false // the estimate stays
	}
	major, rest, _ := strings.Cut(about.Version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > 0 || b >= 13)
}
