package llm

import (
	"fmt"
	"slices"
	"sync"
)

// MemoryCalls is a record of calls in memory: a CallStore and a CallLog. It keeps
// what it is given, so requests must not be changed after they were sent.
type MemoryCalls struct {
	mu      sync.Mutex
	entries []CallEntry
	good    map[string]*Response
}

// A CallEntry is a recorded call. Result is nil while it is open.
type CallEntry struct {
	Call   Call
	Result *Result
}

// NewMemory returns an empty record.
func NewMemory() *MemoryCalls { return &MemoryCalls{good: make(map[string]*Response)} }

// Get returns the reply to an earlier call.
func (c *MemoryCalls) Get(key string) (*Response, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.good[key]
	return r, ok, nil
}

// Begin adds an open call.
func (c *MemoryCalls) Begin(call *Call) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = append(c.entries, CallEntry{Call: *call})
	return int64(len(c.entries)), nil
}

// End completes an open call.
func (c *MemoryCalls) End(id int64, r *Result) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id < 1 || id > int64(len(c.entries)) || c.entries[id-1].Result != nil {
		return fmt.Errorf("no open call %d", id)
	}
	result := *r
	c.entries[id-1].Result = &result
	if r.Outcome == Answered {
		c.good[c.entries[id-1].Call.Key] = r.Response
	}
	return nil
}

// All returns the calls in the order in which they began.
func (c *MemoryCalls) All() []CallEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.entries)
}
