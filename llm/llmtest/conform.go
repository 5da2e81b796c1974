package llmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// TestOptions say what [TestModel] may expect. Zero fields have the defaults named.
type TestOptions struct {
	Dialect  Dialect     // OpenAI()
	Skip     []FaultKind // faults that this provider has no form for
	NoKey    bool        // the provider takes no key
	NoImages bool        // the vendor sends no images: then they must be an error
	NoTopP   bool        // top_p is not sent
	NoEffort bool        // reasoning effort is not sent
	NoCounts bool        // the provider does not say by how much a prompt is too long
	// Rejectable names parameters, as on the wire, that the vendor must learn to leave
	// out when the endpoint refuses them. Every one of them is sent by a request with
	// temperature, top_p, a limit of tokens, effort, stop and a schema.
	Rejectable []string
	// Logged makes the model as newModel does, and with a log, in which no key may show.
	// nil: it is not tried.
	Logged func(t *testing.T, url, key string, log *slog.Logger) llm.Model
}

// TestModel puts a vendor through what this module relies on. newModel returns a
// model named test-model at a server's address, such as http://127.0.0.1:40123,
// with the key, and closes its connections when the test ends. Everything runs on
// loopback; nothing takes longer than a few seconds.
func TestModel(t *testing.T, newModel func(t *testing.T, url, key string) llm.Model, o *TestOptions) {
	k := kit{newModel: newModel}
	if o != nil {
		k.o = *o
	}
	if k.o.Dialect == nil {
		k.o.Dialect = OpenAI()
	}
	for _, sub := range []struct {
		name string
		test func(*testing.T)
	}{
		{"answer", k.answer}, {"prompt arrives whole", k.whole}, {"parameters", k.parameters}, {"schema", k.schema},
		{"images", k.images}, {"usage", k.usage}, {"not an answer", k.noAnswer}, {"errors", k.errors},
		{"stopped server", k.stopped}, {"cancel", k.cancel}, {"concurrency", k.concurrency}, {"secrets", k.secrets}, {"log", k.logged},
		{"refused parameters", k.refused}, {"no structured output", k.noSchema},
	} {
		t.Run(sub.name, sub.test)
	}
}

type kit struct {
	o        TestOptions
	newModel func(t *testing.T, url, key string) llm.Model
}

// kitSchema has its members in an order that sorting would change.
const kitSchema = `{"type":"object","properties":{"zeta":{"type":"string","maxLength":40},"alpha":{"type":"integer"},` +
	`"mid":{"type":"array","items":{"type":"string","enum":["A","B"]},"maxItems":3}},"required":["zeta","alpha","mid"],"additionalProperties":false}`

func (k *kit) server(t *testing.T, o ServerOptions) (*Server, llm.Model) {
	o.Dialect, o.Keep = k.o.Dialect, true
	s := NewServer(t, &o)
	return s, k.newModel(t, s.URL, canary)
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func ask(text string) *llm.Request {
	return &llm.Request{Messages: []llm.Message{llm.Text(llm.User, text)}}
}

// generate fails the test on an error.
func generate(t *testing.T, m llm.Model, req *llm.Request) *llm.Response {
	t.Helper()
	resp, err := m.Generate(bounded(t), req)
	if err != nil {
		t.Fatalf("Generate: %v", err)
	}
	return resp
}

func (k *kit) answer(t *testing.T) {
	const text = "Grüße & <b>bold</b> \"quoted\"\nsecond line \u2028 👩‍👩‍👧"
	_, m := k.server(t, ServerOptions{Reply: func(int, *llm.Request) (string, error) { return text, nil }})
	provider, id, ok := strings.Cut(m.Name(), "/")
	if !ok || provider == "" || id != "test-model" {
		t.Errorf("Name() = %q, want PROVIDER/test-model", m.Name())
	}
	resp := generate(t, m, ask("Hello"))
	if resp.Text != text || resp.Finish != llm.FinishStop || resp.Model == "" || resp.Cached {
		t.Errorf("got %+v, want the text %q, finish stop and a model", resp, text)
	}
}

func (k *kit) whole(t *testing.T) {
	long := strings.Repeat("A question of ten thousand characters. ", 260)
	req := &llm.Request{
		System: "Rules & <rules>.\n# Who you are\n{\"name\":\"Åsa\"}",
		Messages: []llm.Message{
			llm.Text(llm.User, long),
			llm.Text(llm.Assistant, `{"actions":[]}`),
			llm.Text(llm.User, "last\ttab \\ back\u0007slash \u2028 <&>"),
		},
		Label: llm.Label{World: "label-canary", Person: "label-canary", Purpose: "label-canary", Step: 424242},
		Draw:  7,
	}
	req.Messages[1].Cache = true
	before := Clone(req)
	s, m := k.server(t, ServerOptions{})
	generate(t, m, req)
	if !reflect.DeepEqual(Clone(req), before) {
		t.Error("Generate changed the request")
	}
	c := s.Calls()[0]
	if got, want := flat(c.Request), flat(req); got != want {
		t.Errorf("the prompt arrived as\n%q\nwant\n%q", got, want)
	}
	if c.Model != "test-model" {
		t.Errorf("model %q arrived, want test-model", c.Model)
	}
	if bytes.Contains(c.Body, []byte("label-canary")) || bytes.Contains(c.Body, []byte("424242")) {
		t.Error("the label was sent")
	}
}

// flat writes roles and texts, parts joined.
func flat(req *llm.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "system: %s\n", req.System)
	for _, m := range req.Messages {
		fmt.Fprintf(&b, "%s: ", m.Role)
		for _, p := range m.Parts {
			b.WriteString(p.Text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func full() *llm.Request {
	req := ask("Answer in JSON.")
	req.Temperature, req.TopP, req.MaxTokens, req.Effort, req.Stop = new(0.25), new(0.5), 321, "low", []string{"END"}
	req.Schema = &llm.Schema{Name: "kit_reply", Body: json.RawMessage(kitSchema)}
	return req
}

func kitReply(int, *llm.Request) (string, error) { return `{"zeta":"z","alpha":1,"mid":["A"]}`, nil }

func (k *kit) parameters(t *testing.T) {
	s, m := k.server(t, ServerOptions{Reply: kitReply})
	req := full()
	generate(t, m, req)
	got := s.Calls()[0].Request
	equal := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: arrived as %v, want %v", what, got, want)
		}
	}
	equal("temperature", got.Temperature, req.Temperature)
	equal("max tokens", got.MaxTokens, req.MaxTokens)
	equal("stop", got.Stop, req.Stop)
	if !k.o.NoTopP {
		equal("top_p", got.TopP, req.TopP)
	}
	if !k.o.NoEffort {
		equal("effort", got.Effort, req.Effort)
	}
	generate(t, m, ask("Nothing set."))
	got = s.Calls()[1].Request
	equal("temperature not set", got.Temperature, (*float64)(nil))
	equal("top_p not set", got.TopP, (*float64)(nil))
	equal("effort not set", got.Effort, "")
}

func (k *kit) schema(t *testing.T) {
	s, m := k.server(t, ServerOptions{Reply: kitReply})
	req := full()
	if k.o.NoEffort {
		req.Effort = ""
	}
	resp := generate(t, m, req)
	if n := s.Stats().Malformed; n > 0 {
		t.Errorf("%d requests were sent that the provider does not understand", n)
	}
	if want, _ := kitReply(0, nil); resp.Text != want {
		t.Errorf("Text = %q, want %q", resp.Text, want)
	}
	got := s.Calls()[0].Request.Schema
	if got == nil {
		t.Fatal("no schema arrived")
	}
	var root struct {
		Type       string                     `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	if err := json.Unmarshal(got.Body, &root); err != nil {
		t.Fatalf("the schema arrived as %s: %v", got.Body, err)
	}
	if len(root.Properties) != 3 || len(root.Required) != 3 {
		t.Errorf("the schema arrived as %s, want all of %s", got.Body, kitSchema)
	}
	zeta, alpha := bytes.Index(got.Body, []byte(`"zeta":`)), bytes.Index(got.Body, []byte(`"alpha":`))
	if zeta < 0 || alpha < zeta {
		t.Errorf("the members' order was not kept, and it is the order of writing: %s", got.Body)
	}
}

func (k *kit) images(t *testing.T) {
	png := []byte("\x89PNG\r\n\x1a\n not really a picture")
	req := &llm.Request{Messages: []llm.Message{{Role: llm.User, Parts: []llm.Part{
		{Text: "before"}, {Image: &llm.Image{MediaType: "image/png", Data: png}}, {Text: "after"},
	}}}}
	s, m := k.server(t, ServerOptions{})
	if k.o.NoImages {
		if _, err := m.Generate(bounded(t), req); err == nil {
			t.Error("an image was dropped without an error")
		}
		return
	}
	generate(t, m, req)
	var got []*llm.Image
	for _, p := range s.Calls()[0].Request.Messages[0].Parts {
		if p.Image != nil {
			got = append(got, p.Image)
		}
	}
	if len(got) != 1 || got[0].MediaType != "image/png" || !bytes.Equal(got[0].Data, png) {
		t.Errorf("the image arrived as %v", got)
	}
	if text := flat(s.Calls()[0].Request); !strings.Contains(text, "beforeafter") {
		t.Errorf("the text around the image arrived as %q", text)
	}
}

func (k *kit) usage(t *testing.T) {
	s, m := k.server(t, ServerOptions{})
	req := ask("short")
	req.System = strings.Repeat("The same long beginning. ", 100)
	generate(t, m, req)
	resp := generate(t, m, req)
	st := s.Stats()
	if resp.Usage.Input != st.Input/2 || resp.Usage.Output != st.Output/2 || resp.Usage.Input < 600 {
		t.Errorf("usage %+v, and the server counted %+v for two calls", resp.Usage, st)
	}
	if c := resp.Usage.CachedInput; c != 0 && c != st.Eligible {
		t.Errorf("cached input %d, and the server counted %d", c, st.Eligible)
	}
}

// noAnswer: a reply that is no answer is an error, and what it cost is known.
func (k *kit) noAnswer(t *testing.T) {
	for _, c := range []struct {
		kind FaultKind
		want error
	}{
		{Length, llm.ErrTruncated}, {Filter, llm.ErrFiltered}, {Refusal, llm.ErrFiltered}, {Empty, llm.ErrTransient},
	} {
		if slices.Contains(k.o.Skip, c.kind) {
			continue
		}
		t.Run(string(c.kind), func(t *testing.T) {
			s, m := k.server(t, ServerOptions{Faults: Always(Fault{Kind: c.kind}),
				Reply: func(int, *llm.Request) (string, error) { return "A reply of some length.", nil }})
			resp, err := m.Generate(bounded(t), ask("Hello, how are you?"))
			k.typed(t, m, err, c.want)
			if resp == nil || resp.Usage.Input != s.Stats().Input {
				t.Errorf("got the response %+v beside the error, want the usage (%d tokens)", resp, s.Stats().Input)
			}
		})
	}
}

// typed checks an error of a provider.
func (k *kit) typed(t *testing.T, m llm.Model, err, want error) {
	t.Helper()
	var e *llm.Error
	if !errors.Is(err, want) || !errors.As(err, &e) {
		t.Fatalf("got the error %v (%T), want an *llm.Error that is %q", err, err, want)
	}
	if e.Provider != m.Name() {
		t.Errorf("Provider = %q, want %q", e.Provider, m.Name())
	}
}

func (k *kit) errors(t *testing.T) {
	for _, c := range []struct {
		fault  Fault
		want   error
		status bool // an HTTP error, whose words must be kept
	}{
		{Fault{Kind: Rate, RetryAfter: 7 * time.Second}, llm.ErrRate, true},
		{Fault{Kind: ServerError}, llm.ErrTransient, true},
		{Fault{Kind: NotFound}, llm.ErrNotFound, true},
		{Fault{Kind: Auth}, llm.ErrAuth, true},
		{Fault{Kind: Quota}, llm.ErrQuota, true},
		{Fault{Kind: TooLong}, llm.ErrTooLong, true},
		{Fault{Kind: FilterCall}, llm.ErrFiltered, true},
		{Fault{Kind: Reset}, llm.ErrTransient, false},
		{Fault{Kind: Truncated}, llm.ErrTransient, false},
		{Fault{Kind: NotJSON}, llm.ErrTransient, false},
	} {
		if slices.Contains(k.o.Skip, c.fault.Kind) {
			continue
		}
		t.Run(string(c.fault.Kind), func(t *testing.T) {
			s, m := k.server(t, ServerOptions{Faults: Always(c.fault)})
			_, err := m.Generate(bounded(t), ask("Hello"))
			k.typed(t, m, err, c.want)
			var e *llm.Error
			errors.As(err, &e)
			if c.status && (e.Status < 400 || e.Body == "") {
				t.Errorf("status %d, body %q; want both", e.Status, e.Body)
			}
			if e.RetryAfter != c.fault.RetryAfter {
				t.Errorf("RetryAfter = %v, want %v", e.RetryAfter, c.fault.RetryAfter)
			}
			if c.fault.Kind == TooLong && !k.o.NoCounts && (!strings.Contains(err.Error(), "9000") || !strings.Contains(err.Error(), "8192")) {
				t.Errorf("%v: want the numbers of tokens", err)
			}
			if n := s.Stats().Calls; n != 1 {
				t.Errorf("the server was asked %d times; repeating is for llm.Retry", n)
			}
		})
	}
}

func (k *kit) stopped(t *testing.T) {
	s, m := k.server(t, ServerOptions{})
	s.Close()
	_, err := m.Generate(bounded(t), ask("Hello"))
	k.typed(t, m, err, llm.ErrTransient)
}

func (k *kit) cancel(t *testing.T) {
	_, m := k.server(t, ServerOptions{Faults: Always(Fault{Kind: Hang})})
	begin := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	timer := time.AfterFunc(50*time.Millisecond, stop)
	defer timer.Stop()
	_, err := m.Generate(ctx, ask("Hello"))
	if !errors.Is(err, context.Canceled) || errors.Is(err, llm.ErrTransient) {
		t.Errorf("cancelled: got %v, want context.Canceled and nothing that is retried", err)
	}
	ctx, stop = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err = m.Generate(ctx, ask("Hello"))
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, llm.ErrTransient) {
		t.Errorf("deadline: got %v, want context.DeadlineExceeded and nothing that is retried", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v to notice", took)
	}
}

func (k *kit) concurrency(t *testing.T) {
	s, m := k.server(t, ServerOptions{
		Latency: 5 * time.Millisecond,
		Reply: func(_ int, req *llm.Request) (string, error) {
			return "echo " + req.Messages[len(req.Messages)-1].Parts[0].Text, nil
		},
	})
	ctx := bounded(t)
	shared := full()
	shared.Schema = nil
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			req := ask(fmt.Sprint("number ", i))
			if i%2 == 0 {
				c := *shared
				c.Messages = req.Messages
				req = &c
			}
			resp, err := m.Generate(ctx, req)
			if err != nil || resp.Text != fmt.Sprint("echo number ", i) {
				t.Errorf("call %d: %+v, %v", i, resp, err)
			}
		})
	}
	wg.Wait()
	if n := s.Stats().MaxInFlight; n < 8 {
		t.Errorf("%d calls at once, at most; want them together", n)
	}
}

// refused: what the endpoint does not take is left out once, then never sent again.
func (k *kit) refused(t *testing.T) {
	for _, name := range k.o.Rejectable {
		t.Run(name, func(t *testing.T) {
			s, m := k.server(t, ServerOptions{Reply: kitReply, Reject: []string{name}})
			req := full()
			before := Clone(req)
			generate(t, m, req)
			first := s.Stats().Calls
			if !s.Calls()[0].Params[name] {
				t.Fatalf("%s was not sent at first", name)
			}
			if !reflect.DeepEqual(Clone(req), before) {
				t.Error("Generate changed the request")
			}
			generate(t, m, req)
			if n := s.Stats().Calls; n != first+1 {
				t.Errorf("the second call took %d attempts, want 1", n-first)
			}
		})
	}
	if len(k.o.Rejectable) == 0 {
		t.Skip("this vendor names no parameter that it can do without")
	}
	t.Run("all at once, concurrently", func(t *testing.T) {
		_, m := k.server(t, ServerOptions{Reply: kitReply, Reject: k.o.Rejectable})
		ctx := bounded(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := m.Generate(ctx, full()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// noSchema: without structured output the model is told the schema in words.
func (k *kit) noSchema(t *testing.T) {
	if slices.Contains(k.o.Skip, NoSchema) {
		t.Skip("every endpoint of this vendor takes schemas")
	}
	s, m := k.server(t, ServerOptions{Reply: kitReply, Faults: Always(Fault{Kind: NoSchema})})
	req := full()
	req.System = "The rules."
	req.Messages = append([]llm.Message{llm.Text(llm.User, "Hello"), llm.Text(llm.Assistant, "{}")}, req.Messages...)
	generate(t, m, req)
	calls := s.Calls()
	last := calls[len(calls)-1].Request
	if text := flat(last); last.Schema != nil || !strings.Contains(text, `"zeta"`) {
		t.Errorf("the schema is not in the prompt: %q", text)
	}
	if first := calls[0].Request; !strings.HasPrefix(strings.TrimSuffix(flat(last), "\n"), strings.TrimSuffix(flat(first), "\n")) {
		t.Error("the schema is not at the end of the prompt, where it leaves the prefix alone")
	}
}
