package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// finish writes what a run leaves and says how it ended.
func (s *session) finish(ctx context.Context, res *study.Result, runErr error) error {
	status, code := record.Done, exitDone
	s.failed, s.found = failures(res), findings(res)
	s.notice(res)
	if runErr == nil && s.found.skipped > 0 {
		// What nobody came to is no finding, whatever the looks say of their end.
		runErr = notReached(ctx, s.found.skipped, "result")
	}
	switch {
	case runErr == nil && s.found.invalid > 0 && !s.f.allowPartial:
		status, code = record.Incomplete, exitFailed
	case runErr == nil && s.failed+s.found.invalid > 0:
		status, code = record.Incomplete, exitIncomplete
	case runErr == nil && len(s.found.unmet) > 0:
		code = exitUnmet
	case runErr == nil:
	case errors.Is(runErr, llm.ErrBudget):
		status, code = record.OverBudget, exitBudget
	case errors.Is(runErr, drain.ErrStopped) || errors.Is(runErr, context.Canceled):
		status, code = record.Interrupted, exitInterrupted
	default:
		status, code = record.Failed, exitFailed
	}
	l, err := s.calls.Ledger(s.p.prices)
	if err != nil {
		return err
	}
	total := s.totals(l, res)
	err = errors.Join(s.writeTranscripts(res), s.lost)
	if runErr != nil {
		err = errors.Join(err, s.addFailure(runErr))
	}
	err = errors.Join(err, s.rec.Update(func(m *record.Manifest) {
		m.Status, m.Ended, m.Totals = status, time.Now().Round(0), total
		for _, a := range append(s.stack.adapted(), s.odd...) {
			if !slices.Contains(m.Warnings, a) {
				m.Warnings = append(m.Warnings, a)
			}
		}
		if m.Problem = ""; runErr != nil {
			m.Problem = problem(runErr)
		}
	}))
	if err != nil {
		return &exitError{code: exitFailed, err: fmt.Errorf("record %s: %w", s.rec.Dir(), err)}
	}
	sum := &summary{
		Study: s.study.Title, Dir: s.rec.Dir(), Status: string(status), Model: s.choice.name, Rehearsal: s.choice.rehearsal(),
		People: total.People, Rooms: total.Rooms, Steps: total.Steps, Calls: total.Calls, Tokens: total.Tokens,
		Failed: s.failed, Warnings: s.warn, Seconds: time.Since(s.begun).Seconds(),
	}
	sum.bots(l)
	sum.results(res, s.found)
	if l.Total.Unpriced == 0 {
		sum.Cost = &l.Total.USD
	}
	if runErr != nil {
		sum.Problem = problem(runErr)
	}
	s.out.end(s, sum, l, runErr)
	if s.f.json {
		if err := sum.write(s.p.stdout); err != nil {
			return err
		}
	}
	if code != exitDone {
		if runErr == nil {
			runErr = fmt.Errorf("%s failed, %s invalid or failed, %s not met", count(s.failed, "turn"), count(s.found.invalid, "result"), count(len(s.found.unmet), "expectation"))
		}
		return &exitError{code: code, err: runErr, shown: true}
	}
	return nil
}

// notReached is the error of a run of which so many answers or results were not come to.
func notReached(ctx context.Context, n int, what string) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s not come to: interrupted: %w", count(n, what), cause)
	}
	return fmt.Errorf("%s not come to", count(n, what))
}
