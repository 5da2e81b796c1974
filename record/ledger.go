package record

import (
	"cmp"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// An Entry is one call as it is on disk: one attempt at a key.
type Entry struct {
	ID      int64
	Key     string
	Attempt int    // 1, 2… at the same key; 0: the reply was paid for by another run
	Model   string // the model's name
	Label   llm.Label
	Bound   llm.Usage // the most it could use
	Start   time.Time
	Outcome llm.Outcome // empty while it is open
	Elapsed time.Duration
	Finish  llm.Finish
	Served  string    // the model as the provider names it
	Usage   llm.Usage // zero where it is not known
	Err     string
}

// Entries returns the calls in the order in which they began.
func (c *Calls) Entries() iter.Seq2[Entry, error] { return c.entries("") }

// ByKey returns the attempts at a key.
func (c *Calls) ByKey(key string) ([]Entry, error) {
	return collect(c.entries("WHERE key = ?", keyValue(key)))
}

// CutOff returns the calls that began, are not known to have ended, in a record that
// nobody writes because a kill cut them off, and have not been answered since: they are
// made again when a run goes on. All that did not end count at their bound.
func (c *Calls) CutOff() ([]Entry, error) {
	return collect(c.entries("AS open WHERE outcome IS NULL AND NOT EXISTS (SELECT 1 FROM calls AS done WHERE done.key = open.key AND done.outcome = 'answered')"))
}

func collect(seq iter.Seq2[Entry, error]) ([]Entry, error) {
	var list []Entry
	for e, err := range seq {
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func (c *Calls) entries(where string, args ...any) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		fail := func(err error) { yield(Entry{}, fmt.Errorf("%s: %w", callsFile, err)) }
		rows, err := c.read.Query(`SELECT id, key, attempt, model, world, step, person, purpose, bound_input, bound_output, start,
			coalesce(outcome, ''), coalesce(elapsed, 0), coalesce(finish, ''), coalesce(served, ''),
			coalesce(input, 0), coalesce(cached, 0), coalesce(output, 0), coalesce(reasoning, 0), `+c.written()+`, coalesce(error, '')
			FROM calls `+where+` ORDER BY id`, args...)
		if err != nil {
			fail(err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var e Entry
			var key any
			var start, elapsed int64
			if err := rows.Scan(&e.ID, &key, &e.Attempt, &e.Model, &e.Label.World, &e.Label.Step, &e.Label.Person, &e.Label.Purpose,
				&e.Bound.Input, &e.Bound.Output, &start, &e.Outcome, &elapsed, &e.Finish, &e.Served,
				&e.Usage.Input, &e.Usage.CachedInput, &e.Usage.Output, &e.Usage.Reasoning, &e.Usage.CacheWrite, &e.Err); err != nil {
				fail(err)
				return
			}
			e.Key, e.Start, e.Elapsed = keyString(key), micros(start), time.Duration(elapsed)*time.Microsecond
			if !yield(e, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			fail(err)
		}
	}
}

// Request returns what a call sent, but for its label and cache marks.
func (c *Calls) Request(id int64) (*llm.Request, error) {
	var prompt, settings []byte
	err := c.read.QueryRow(`SELECT prompt, settings FROM calls WHERE id = ?`, id).Scan(&prompt, &settings)
	var req *llm.Request
	if err == nil {
		req, err = c.request(prompt, settings)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: call %d: %w", callsFile, id, err)
	}
	return req, nil
}

// Reply returns the text that a call brought, good or bad; empty where there was none.
func (c *Calls) Reply(id int64) (string, error) {
	var reply []byte
	err := c.read.QueryRow(`SELECT reply FROM calls WHERE id = ?`, id).Scan(&reply)
	var body string
	if err == nil {
		body, err = c.text(reply)
	}
	if err != nil {
		return "", fmt.Errorf("%s: call %d: %w", callsFile, id, err)
	}
	return body, nil
}

// A Sum adds up calls.
type Sum struct {
	Calls      int // different keys
	Borrowed   int // replies that other runs paid for: counted here and nowhere else
	Attempts   int // requests sent: calls and retries
	Open       int // of the attempts, those not known to have ended; they count at their bound
	Unreported int // of the attempts that ended, those whose usage is not known; these too
	Outcomes   map[llm.Outcome]int
	Usage      llm.Usage
	USD        float64
	Unpriced   int // attempts at models without a price: USD leaves them out
}

// Retries returns how many requests were sent again.
func (s *Sum) Retries() int { return s.Attempts - s.Calls }

// A Line is the sum of the calls that share something: a person, a step…
type Line struct {
	Name string
	Sum
}

// A Ledger says what a run used and for what. Lines are sorted by name, steps by number.
type Ledger struct {
	Total     Sum
	ByModel   []Line
	ByPurpose []Line
	ByPerson  []Line // calls on nobody's behalf have the name ""
	ByWorld   []Line
	ByStep    []Line // the steps of all worlds together
}

// Ledger adds up the calls. price gives a model's price, or false; nil prices nothing.
func (c *Calls) Ledger(price func(model string) (llm.Price, bool)) (*Ledger, error) {
	l, err := c.ledger(price)
	if err != nil {
		return nil, fmt.Errorf("%s: ledger: %w", callsFile, err)
	}
	return l, nil
}

func (c *Calls) ledger(price func(model string) (llm.Price, bool)) (*Ledger, error) {
	rows, err := c.read.Query(`SELECT model, purpose, person, world, step, outcome,
		sum(attempt = 1), sum(attempt > 0), sum(attempt = 0),
		sum((attempt > 0) * coalesce(input, bound_input)), sum((attempt > 0) * coalesce(output, bound_output)),
		sum((attempt > 0) * coalesce(cached, 0)), sum((attempt > 0) * coalesce(reasoning, 0)), sum((attempt > 0) * ` + c.written() + `), sum(attempt > 0 AND outcome IS NOT NULL AND input IS NULL)
		FROM calls GROUP BY model, purpose, person, world, step, outcome`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var by [5]map[string]*Sum
	for i := range by {
		by[i] = map[string]*Sum{}
	}
	l := &Ledger{}
	for rows.Next() {
		var model, purpose, person, world string
		var step int
		var outcome sql.NullString
		var s Sum
		if err := rows.Scan(&model, &purpose, &person, &world, &step, &outcome, &s.Calls, &s.Attempts, &s.Borrowed,
			&s.Usage.Input, &s.Usage.Output, &s.Usage.CachedInput, &s.Usage.Reasoning, &s.Usage.CacheWrite, &s.Unreported); err != nil {
			return nil, err
		}
		if outcome.Valid && s.Attempts > 0 {
			s.Outcomes = map[llm.Outcome]int{llm.Outcome(outcome.String): s.Attempts}
		} else {
			s.Open = s.Attempts
		}
		s.Unpriced = s.Attempts
		if price != nil {
			if p, ok := price(model); ok {
				s.USD, s.Unpriced = p.Cost(s.Usage), 0
			}
		}
		l.Total.add(&s)
		for i, name := range []string{model, purpose, person, world, strconv.Itoa(step)} {
			if by[i][name] == nil {
				by[i][name] = &Sum{}
			}
			by[i][name].add(&s)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i, lines := range []*[]Line{&l.ByModel, &l.ByPurpose, &l.ByPerson, &l.ByWorld, &l.ByStep} {
		for name, s := range by[i] {
			*lines = append(*lines, Line{name, *s})
		}
		slices.SortFunc(*lines, func(a, b Line) int {
			if i == 4 {
				return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
			}
			return cmp.Compare(a.Name, b.Name)
		})
	}
	return l, nil
}

func (s *Sum) add(t *Sum) {
	s.Calls += t.Calls
	s.Attempts += t.Attempts
	s.Borrowed += t.Borrowed
	s.Open += t.Open
	s.Unreported += t.Unreported
	s.Usage = s.Usage.Add(t.Usage)
	s.USD += t.USD
	s.Unpriced += t.Unpriced
	if s.Outcomes == nil {
		s.Outcomes = map[llm.Outcome]int{}
	}
	for k, n := range t.Outcomes {
		s.Outcomes[k] += n
	}
}
