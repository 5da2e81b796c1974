package llm

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
)

// ErrNoPrice: a budget in money cannot be kept, since the model's price is unknown.
var ErrNoPrice = errors.New("no price is known")

// Spent is what was used so far.
type Spent struct {
	Calls  int     `json:"calls"` // attempts that were sent
	Tokens int     `json:"tokens"`
	USD    float64 `json:"usd"`
}

// BudgetOptions set the caps of a [Budget]. A cap of 0 is no cap.
type BudgetOptions struct {
	USD    float64
	Calls  int
	Tokens int // input, cached or not, and output, reasoning included

	// Price returns what a model costs, by name, and whether that is known. Free
	// models have the zero price. Nil knows none.
	Price func(model string) (Price, bool)

	Output int   // the output limit given to requests without one, under a cap on USD or tokens; default 8192
	Spent  Spent // used before, as by the earlier part of a resumed run
}

// A Budget caps what calls may use. Share it among all models that count towards it.
// It is safe for concurrent use.
type Budget struct {
	opts BudgetOptions

	mu       sync.Mutex
	spent    Spent
	reserved Spent
	open     int                // outstanding reservations
	queue    list.List          // of *claim: those that wait for them, who came first
	beyond   map[string]float64 // by model, how often as much as its bound a call used at most, where that is more than once
}

// A claim is a reservation that waits.
type claim struct {
	need Spent
	done chan error // has room for one
}

// BudgetError is an ErrBudget: nothing was sent.
type BudgetError struct {
	What   string  // usd, calls or tokens
	Limit  float64 // the cap
	Spent  float64 // so far
	Needed float64 // the most that the refused call could have used
}

func (e *BudgetError) Error() string {
	format := "%v: %s: %.0f of %.0f used, the next call needs up to %.0f"
	if e.What == "usd" {
		format = "%v: %s: %.4f of %.4f used, the next call needs up to %.4f"
	}
	return fmt.Sprintf(format, ErrBudget, e.What, e.Spent, e.Limit, e.Needed)
}

func (e *BudgetError) Unwrap() error { return ErrBudget }

// NewBudget returns a budget; nil options cap nothing.
func NewBudget(o *BudgetOptions) *Budget {
	b := &Budget{beyond: map[string]float64{}}
	if o != nil {
		b.opts = *o
	}
	if b.opts.Output <= 0 {
		b.opts.Output = defaultOutput
	}
	b.spent = b.opts.Spent
	return b
}

// Spent returns what was used so far, without calls in flight. USD counts only
// models whose price is known.
func (b *Budget) Spent() Spent {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent
}

// Spend keeps calls within b. Before a call is sent, the most it can use is set
// aside: a token for each byte of input, a generous fixed number for each image, and
// the request's output limit, which is set to Output where the request has none, all
// at the model's dearest rates. A call that does not fit only because of what is set
// aside for others waits for them in the order of coming, until ctx is done; one that
// cannot fit any more is a *BudgetError. Under a cap in USD a model without a price is
// ErrNoPrice.
//
// Afterwards the reported usage counts. A reply without reported usage, and a call
// that went out and was broken off, count in full what was set aside, since nobody
// knows; see [Unreported]. Other failures count as a call without tokens.
//
// So a cap holds as long as models keep to their output limits. Where one reports more
// than was set aside, that much more is set aside for each of its later calls.
//
// It belongs inside of Limit and Retry, so that each attempt is checked and nothing
// is set aside for calls that wait for a slot.
func Spend(b *Budget) Middleware {
	return func(m Model) Model {
		return &wrapper{m, func(ctx context.Context, req *Request) (*Response, error) {
			if (b.opts.USD > 0 || b.opts.Tokens > 0) && req.MaxTokens <= 0 {
				r := *req
				r.MaxTokens = b.opts.Output
				req = &r
			}
			most := bound(req)
			settle, err := b.reserve(ctx, m.Name(), most)
			if err != nil {
				return nil, err
			}
			var used *Usage // nil also where Generate panics
			defer func() { settle(used) }()
			ctx, cancel := underway(ctx)
			defer cancel()
			resp, err := m.Generate(ctx, req)
			used = charge(ctx, resp, err)
			return resp, err
		}}
	}
}

// charge says what a call used; nil where nobody knows.
func charge(ctx context.Context, resp *Response, err error) *Usage {
	switch {
	case resp != nil && resp.Usage != (Usage{}):
		return &resp.Usage
	case Unreported(resp, err) || ctx.Err() != nil:
		return nil
	}
	return &Usage{}
}

// Unreported reports whether a call that ended so may have used tokens that nobody
// told of: there was a reply without a count, or one was under way when the network or
// the caller broke it off.
func Unreported(resp *Response, err error) bool {
	if resp != nil {
		return resp.Usage == (Usage{})
	}
	if e, ok := errors.AsType[*Error](err); ok && (e.Sent || e.Status == 200) {
		return true
	}
	timeout, ok := errors.AsType[net.Error](err)
	return err == nil || ok && timeout.Timeout() || errors.Is(err, ErrTruncated) || errors.Is(err, ErrFiltered) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// reserve sets aside one call that uses at most most. settle gets what it used, or nil
// where all that was set aside counts.
func (b *Budget) reserve(ctx context.Context, model string, most Usage) (settle func(*Usage), err error) {
	ctx = waiting(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var price Price
	known := false
	if b.opts.Price != nil {
		price, known = b.opts.Price(model)
	}
	if !known && b.opts.USD > 0 {
		return nil, fmt.Errorf("%w for %s, so the budget in USD cannot be kept", ErrNoPrice, model)
	}
	b.mu.Lock()
	factor := max(1, b.beyond[model])
	need := Spent{Calls: 1, Tokens: int(math.Ceil(factor * float64(most.Input+most.Output))), USD: factor * price.most(most)}
	c := &claim{need, make(chan error, 1)}
	e := b.queue.PushBack(c)
	b.serve()
	b.mu.Unlock()
	select {
	case err = <-c.done:
	case <-ctx.Done():
		b.mu.Lock()
		select {
		case err = <-c.done: // it came at the same time
			if err == nil {
				b.free(need)
			}
		default:
			b.queue.Remove(e)
		}
		b.serve()
		b.mu.Unlock()
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return func(used *Usage) {
		b.mu.Lock()
		defer b.mu.Unlock()
		paid := need
		if used != nil {
			paid = Spent{Calls: 1, Tokens: used.Input + used.Output, USD: price.Cost(*used)}
			b.learn(model, most, *used)
		}
		b.spent = b.spent.plus(paid)
		b.free(need)
		b.serve()
	}, nil
}

// learn notes by how much a call went beyond its bound.
func (b *Budget) learn(model string, most, used Usage) {
	for _, x := range [][2]int{{used.Input, most.Input}, {used.Output, most.Output}} {
		if x[0] > x[1] {
			b.beyond[model] = max(b.beyond[model], float64(x[0])/float64(max(1, x[1])))
		}
	}
}

// serve answers those who wait, as far as can be said now.
func (b *Budget) serve() {
	for e := b.queue.Front(); e != nil; e = b.queue.Front() {
		c := e.Value.(*claim)
		err := b.over(b.spent, c.need)
		if err == nil {
			if b.over(b.spent.plus(b.reserved), c.need) != nil {
				return
			}
			b.open++
			b.reserved = b.reserved.plus(c.need)
		}
		c.done <- err
		b.queue.Remove(e)
	}
}

// free gives back what was set aside.
func (b *Budget) free(need Spent) {
	b.reserved = b.reserved.plus(Spent{-need.Calls, -need.Tokens, -need.USD})
	if b.open--; b.open == 0 {
		b.reserved = Spent{} // no rounding errors are left behind
	}
}

// over returns why need on top of spent passes a cap, or nil.
func (b *Budget) over(spent, need Spent) error {
	const rounding = 1e-9 // USD; sums of floats are not exact
	switch o := &b.opts; {
	case o.Calls > 0 && spent.Calls+need.Calls > o.Calls:
		return &BudgetError{"calls", float64(o.Calls), float64(spent.Calls), float64(need.Calls)}
	case o.Tokens > 0 && spent.Tokens+need.Tokens > o.Tokens:
		return &BudgetError{"tokens", float64(o.Tokens), float64(spent.Tokens), float64(need.Tokens)}
	case o.USD > 0 && spent.USD+need.USD > o.USD+rounding:
		return &BudgetError{"usd", o.USD, spent.USD, need.USD}
	}
	return nil
}

func (s Spent) plus(t Spent) Spent {
	return Spent{s.Calls + t.Calls, s.Tokens + t.Tokens, s.USD + t.USD}
}
