package main

import (
	"cmp"
	"errors"
	"io/fs"
	"iter"
	"log/slog"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// rest makes an estimate one of what is left of the run in the record: the events that
// stand are not played again, and replies that came from the models as they are now are
// not paid for again.
func (s *session) rest(o *study.EstimateOptions) error {
	edit, err := s.compared()
	if err != nil {
		return err
	}
	m := s.rec.Manifest()
	if m.Seed != s.study.Seed || m.Models[roleAct] != s.choice.name {
		return nil // it is made anew
	}
	o.Open = func(room study.Room) (iter.Seq2[tinytroupe.Event, error], error) {
		return first(s.rec.Events(room.Name()), edit.Keep[room.Name()]), nil
	}
	if s.calls == nil {
		return nil
	}
	if s.identities == nil { // nothing is connected
		s.identities = map[string]string{}
		for role, name := range s.roles {
			id, err := identityOf(name, s.set, s.p.env)
			if err != nil && m.Models[role] == name {
				id = m.Identities[role] // nobody says where it is: it is taken to be where it was
			}
			s.identities[role] = id
		}
	}
	o.Known = func(role study.Role, req *llm.Request) (*llm.Response, bool, error) {
		return s.calls.Get(llm.Key(cmp.Or(s.identities[string(role)], s.identities[roleAct]), req))
	}
	return nil
}

// identityOf is the identity of the model that a name stands for now. Nothing is sent.
func identityOf(name string, s *config.Settings, env func(string) (string, bool)) (string, error) {
	provider, id, err := split(name)
	if err != nil || provider == rehearsalName {
		return name, err
	}
	p, err := providerOf(provider, s, env)
	if err != nil {
		return "", err
	}
	e, err := p.endpoint(s, slog.New(slog.DiscardHandler), 0)
	if err != nil {
		return "", err
	}
	defer e.close()
	m, err := e.model(id)
	if err != nil {
		return "", err
	}
	defer m.Close()
	return llm.Identity(m), nil
}

// first is the first n events.
func first(events iter.Seq2[tinytroupe.Event, error], n int) iter.Seq2[tinytroupe.Event, error] {
	return func(yield func(tinytroupe.Event, error) bool) {
		if n == 0 {
			return
		}
		i := 0
		for ev, err := range events {
			if i++; !yield(ev, err) || i == n {
				return
			}
		}
	}
}

// spentBefore reads what the record's run has spent.
func (s *session) spentBefore() (spent llm.Spent, err error) {
	if s.calls, err = s.rec.Calls(); errors.Is(err, fs.ErrNotExist) {
		return spent, nil // it had not begun
	}
	if err != nil {
		return spent, err
	}
	return spentOf(s.calls, s.p.prices)
}
