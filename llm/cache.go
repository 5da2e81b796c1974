package llm

import (
	"context"
	"sync"
)

// Cache serves a request from s where a good reply to the same key is there.
// Identical requests that miss together are sent once: the others wait, then find
// the reply in s. One that fails leaves the next to try. What fills s is a [Meter]
// on the same record, further in.
//
// The response carries its key in Call; Cached says that nothing was paid for it.
func Cache(s CallStore) Middleware {
	return func(m Model) Model {
		var locks keyLocks
		return &wrapper{m, func(ctx context.Context, req *Request) (*Response, error) {
			key := Key(Identity(m), req)
			if resp, err := lookUp(s, key); resp != nil || err != nil {
				return resp, err
			}
			unlock, err := locks.lock(ctx, key)
			if err != nil {
				return nil, err
			}
			defer unlock()
			if resp, err := lookUp(s, key); resp != nil || err != nil {
				return resp, err
			}
			r := *req
			r.key = key
			resp, err := m.Generate(ctx, &r)
			if resp != nil {
				c := *resp
				c.Call = key
				resp = &c
			}
			return resp, err
		}}
	}
}

// lookUp returns the stored reply as a hit, or nil.
func lookUp(s CallStore, key string) (*Response, error) {
	stored, ok, err := s.Get(key)
	if err != nil || !ok {
		return nil, err
	}
	resp := *stored
	resp.Call, resp.Cached = key, true
	return &resp, nil
}

// keyLocks is one lock for each key that is in use. The zero value is ready.
type keyLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits for the key until ctx is done.
func (l *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		busy, ok := l.held[key]
		if !ok {
			if l.held == nil {
				l.held = make(map[string]chan struct{})
			}
			free := make(chan struct{})
			l.held[key] = free
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, key)
				l.mu.Unlock()
				close(free)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
