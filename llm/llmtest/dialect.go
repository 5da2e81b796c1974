package llmtest

import (
	"net/http"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// A Dialect is a provider's wire format seen from the server's side.
type Dialect interface {
	// Decode reads an HTTP request whose body has been read already. It returns an
	// error that wraps llm.ErrNotFound for an address that the provider does not
	// have, and any other error for a request that it would not understand.
	Decode(r *http.Request, body []byte) (*Call, error)
	// Encode returns the body of a good answer (status 200).
	Encode(c *Call, a *Answer) []byte
	// Fail returns status and body of an error answer for f.
	Fail(c *Call, f *Failure) (status int, body []byte)
}

// CallKind says what a call asks for.
type CallKind int

const (
	Generate  CallKind = iota // Call.Request
	EmbedText                 // Call.Texts
	List                      // the models
	About                     // one model's properties
	Version                   // the server's
)

// A Call is one HTTP request, decoded.
type Call struct {
	N       int             // 1, 2, 3…, List, About and Version not counted; set by the server
	Kind    CallKind        // what is asked
	Model   string          // the model's name in the request
	Request *llm.Request    // what was asked, as far as the wire shows it
	Texts   []string        // for EmbedText
	Params  map[string]bool // names, on the wire, of the parameters present
	HTTP    *http.Request   // its body has been read
	Body    []byte          // as sent
}

// An Answer is what a dialect encodes.
type Answer struct {
	Text    string
	Finish  llm.Finish
	Refusal bool // with FinishFilter: the model refused, and Text says why
	Usage   llm.Usage
	Model   string
	Vectors [][]float32 // for EmbedText
	Models  []string    // for List
	Context int         // for About and List, where the dialect says it
}

// A Failure is an error for a dialect to encode: one of the kinds of [Fault] that
// have a status of their own, or BadRequest.
type Failure struct {
	Kind    FaultKind
	Param   string // for RejectParam
	Message string
}

// BadRequest is the kind of failure for a request that cannot be understood.
const BadRequest FaultKind = "bad-request"
