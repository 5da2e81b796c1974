package record

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
)

// statements are prepared on the one connection that writes.
type statements struct {
	begin, end, hasPrompt, addPrompt, hasText, addText *sql.Stmt
	start, finish, undo                                *sql.Stmt
}

func (c *Calls) prepare() error {
	s := &c.stmts
	for _, p := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&s.begin, `INSERT INTO calls (key, attempt, model, world, step, person, purpose, prompt, settings, bound_input, bound_output, start)
			VALUES (?, CASE WHEN ? THEN 0 ELSE 1 + (SELECT count(*) FROM calls WHERE key = ? AND attempt > 0) END, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&s.end, `UPDATE calls SET outcome = ?, elapsed = ?, reply = ?, finish = ?, served = ?,
			input = ?, cached = ?, output = ?, reasoning = ?, written = ?, error = ? WHERE id = ? AND outcome IS NULL`},
		{&s.hasPrompt, `SELECT 1 FROM prompts WHERE hash = ?`},
		{&s.addPrompt, `INSERT OR IGNORE INTO prompts (hash, parent, role, text) VALUES (?, ?, ?, ?)`},
		{&s.hasText, `SELECT 1 FROM texts WHERE hash = ?`},
		{&s.addText, `INSERT OR IGNORE INTO texts (hash, base, shared, flate, rest) VALUES (?, ?, ?, ?, ?)`},
		{&s.start, `BEGIN IMMEDIATE`},
		{&s.finish, `COMMIT`},
		{&s.undo, `ROLLBACK`},
	} {
		var err error
		if *p.stmt, err = c.conn.PrepareContext(context.Background(), p.query); err != nil {
			return err
		}
	}
	return nil
}

func (s *statements) close() error {
	var errs []error
	for _, stmt := range []*sql.Stmt{s.begin, s.end, s.hasPrompt, s.addPrompt, s.hasText, s.addText, s.start, s.finish, s.undo} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// A change is what one caller wants written.
type change struct {
	do      func() error // on the writing connection, perhaps a second time after a rollback
	durable bool         // waits for the disk
	err     error
	wake    chan bool // true: take over and commit what waits; false: done, see err
}

// commit writes ch. Whoever comes first writes for all that wait by then; what comes
// meanwhile is written by the first of those, and so on: no goroutine of its own.
func (c *Calls) commit(ch *change) error {
	ch.wake = make(chan bool, 1)
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return fs.ErrClosed
	}
	c.users.Add(1)
	defer c.users.Done()
	c.queue = append(c.queue, ch)
	if c.busy {
		c.mu.Unlock()
		if lead := <-ch.wake; !lead {
			return ch.err
		}
		c.mu.Lock()
	}
	c.busy = true
	batch := c.queue
	c.queue = nil
	c.mu.Unlock()

	c.write(batch)

	c.mu.Lock()
	if len(c.queue) > 0 {
		c.queue[0].wake <- true
	} else {
		c.busy = false
	}
	c.mu.Unlock()
	for _, other := range batch {
		if other != ch {
			other.wake <- false
		}
	}
	return ch.err
}

// write commits a batch. Where one change of several fails, each is tried alone, so
// that it fails alone.
func (c *Calls) write(batch []*change) {
	level := "NORMAL"
	for _, ch := range batch {
		if ch.durable {
			level = "FULL"
		}
	}
	err := c.synchronous(level)
	if err == nil {
		_, err = c.stmts.start.Exec()
	}
	if err == nil {
		for _, ch := range batch {
			if err = ch.do(); err != nil {
				break
			}
		}
		if err == nil {
			_, err = c.stmts.finish.Exec()
		}
		if err != nil {
			// The error that matters is the first; after some, SQLite has undone all itself.
			_, _ = c.stmts.undo.Exec()
			c.texts.reset()
		}
	}
	if err != nil && len(batch) > 1 {
		for _, ch := range batch {
			c.write([]*change{ch})
		}
		return
	}
	for _, ch := range batch {
		ch.err = err
	}
}
