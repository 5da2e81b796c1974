package llm

import (
	"context"
	"errors"
	"fmt"
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
	open     int           // outstanding reservations
	settled  chan struct{} // closed at the next settlement
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
	b := &Budget{settled: make(chan struct{})}
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
// the request's output limit, which is set to Output where the request has none. A
// call that does not fit only because of what is set aside for others waits for
// them, until ctx is done; one that cannot fit any more is a *BudgetError. Under a
// cap in USD a model without a price is ErrNoPrice.
//
// Afterwards the reported usage counts. A reply without reported usage, and a call
// broken off in flight, count in full what was set aside, since nobody knows; other
// failures count as a call without tokens.
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
			used := most // also where Generate panics
			defer func() { settle(used) }()
			ctx, cancel := underway(ctx)
			defer cancel()
			resp, err := m.Generate(ctx, req)
			used = charge(ctx, most, resp, err)
			return resp, err
		}}
	}
}

// charge says what a call used, given the most it can have.
func charge(ctx context.Context, most Usage, resp *Response, err error) Usage {
	if resp != nil && resp.Usage != (Usage{}) {
		return resp.Usage
	}
	if err == nil || resp != nil || ctx.Err() != nil || errors.Is(err, ErrTruncated) || errors.Is(err, ErrFiltered) {
		return most
	}
	var network net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		return most
	}
	return Usage{}
}

// reserve sets aside one call that uses at most most.
func (b *Budget) reserve(ctx context.Context, model string, most Usage) (settle func(Usage), err error) {
	ctx = waiting(ctx)
	var price Price
	known := false
	if b.opts.Price != nil {
		price, known = b.opts.Price(model)
	}
	if !known && b.opts.USD > 0 {
		return nil, fmt.Errorf("%w for %s, so the budget in USD cannot be kept", ErrNoPrice, model)
	}
	cost := func(u Usage) Spent { return Spent{Calls: 1, Tokens: u.Input + u.Output, USD: price.Cost(u)} }
	need := cost(most)
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		b.mu.Lock()
		if err := b.over(b.spent, need); err != nil {
			b.mu.Unlock()
			return nil, err
		}
		if b.over(b.spent.plus(b.reserved), need) == nil {
			break // with the lock
		}
		settled := b.settled
		b.mu.Unlock()
		select {
		case <-settled:
		case <-ctx.Done():
		}
	}
	defer b.mu.Unlock()
	b.open++
	b.reserved = b.reserved.plus(need)
	return func(used Usage) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.spent = b.spent.plus(cost(used))
		b.reserved = b.reserved.plus(Spent{-need.Calls, -need.Tokens, -need.USD})
		if b.open--; b.open == 0 {
			b.reserved = Spent{} // no rounding errors are left behind
		}
		close(b.settled)
		b.settled = make(chan struct{})
	}, nil
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
