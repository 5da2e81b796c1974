package record

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite" // and the driver "sqlite"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// callsFormat is the version of the tables below, kept as SQLite's user_version. Version
// 1 had no column written: it is read as it is, and gets the column when it is written.
const callsFormat = 2

const sqliteReadOnly = 8 // the primary code of "attempt to write a readonly database"

// A prompt is a chain: each node is its parent and one message more, so that calls on
// one growing history add to the file what is new, and nothing else. Hashes are the
// first 16 bytes of a SHA-256.
const callsSchema = `
CREATE TABLE texts (
	hash   BLOB PRIMARY KEY, -- of the whole text
	base   BLOB,             -- the text begins with this text's first
	shared INTEGER,          -- so many bytes
	flate  INTEGER NOT NULL, -- 1: the rest is compressed
	rest   BLOB NOT NULL
);
CREATE TABLE prompts (
	hash   BLOB PRIMARY KEY,
	parent BLOB,
	role   TEXT NOT NULL, -- system, user, assistant; with + where the text is JSON of parts
	text   BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE calls (
	id           INTEGER PRIMARY KEY,
	key          BLOB NOT NULL,
	attempt      INTEGER NOT NULL, -- 1, 2… at the same key; 0: borrowed from another run
	model        TEXT NOT NULL,
	world        TEXT, step INTEGER, person TEXT, purpose TEXT,
	prompt       BLOB,
	settings     BLOB,    -- text: the rest of the request, JSON
	bound_input  INTEGER NOT NULL,
	bound_output INTEGER NOT NULL,
	start        INTEGER NOT NULL, -- Unix time, microseconds
	outcome      TEXT,    -- NULL: not known to have ended
	elapsed      INTEGER, -- microseconds
	reply        BLOB,    -- text
	finish       TEXT,
	served       TEXT,    -- the model as the provider names it
	input INTEGER, cached INTEGER, output INTEGER, reasoning INTEGER, -- NULL: not known
	error        TEXT,
	written      INTEGER  -- of the input, what the provider kept for later calls
);
CREATE INDEX calls_key ON calls (key);
PRAGMA user_version = 2;
`

// Calls is every model call of a run, in a SQLite file. It is an llm.CallStore and an
// llm.CallLog, safe for concurrent use. Calls that begin or end together share one
// transaction.
type Calls struct {
	read    *sql.DB // for any number of readers
	get     *sql.Stmt
	getText *sql.Stmt
	inflate sync.Pool // of io.ReadCloser that are flate.Resetter

	db    *sql.DB // nil when read only
	conn  *sql.Conn
	stmts statements
	texts textStore
	fast  bool

	noWritten bool // the file has no column written

	sync string // of conn, as it is set now

	mu     sync.Mutex
	queue  []*change
	busy   bool // somebody commits
	closed bool
	users  sync.WaitGroup // of conn
}

type callsOptions struct{ readOnly, fast bool }

// OpenCalls opens, or makes, a file of calls outside of a record, such as one that
// several runs share. Several processes may use it at once.
func OpenCalls(path string) (*Calls, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return openCalls(path, &callsOptions{})
}

func openCalls(path string, o *callsOptions) (_ *Calls, err error) {
	c := &Calls{fast: o.fast}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", path, err), c.Close())
		}
	}()
	if !o.readOnly {
		if err := c.openWriter(path); err != nil {
			return nil, err
		}
	}
	version, tables, err := c.openReader(path, "mode=ro")
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqliteReadOnly {
		// A kill in the middle of a change left it to be undone, which takes writing.
		if err = c.read.Close(); err == nil {
			version, tables, err = c.openReader(path, "mode=rw&_pragma=query_only(1)")
		}
	}
	if err != nil {
		return nil, err
	}
	switch {
	case version == 0 && tables == 0:
		return nil, fmt.Errorf("holds no calls: %w", fs.ErrNotExist)
	case version == 1: // nobody has written to it since
		c.noWritten = true
	case version != callsFormat:
		return nil, &FormatError{Have: version, Want: callsFormat}
	}
	if c.getText, err = c.read.Prepare(`SELECT base, shared, flate, rest FROM texts WHERE hash = ?`); err != nil {
		return nil, err
	}
	c.get, err = c.read.Prepare(`SELECT key, finish, served, coalesce(input, 0), coalesce(cached, 0), coalesce(output, 0), coalesce(reasoning, 0), ` + c.written() + `, reply, base, shared, flate, rest
		FROM calls JOIN texts ON hash = reply WHERE key = ? AND outcome = 'answered' ORDER BY id LIMIT 1`)
	return c, err
}

// openReader opens the file for reading and returns its version and how many tables
// and indexes it has.
func (c *Calls) openReader(path, query string) (version, tables int, err error) {
	if c.read, err = openSQLite(path, query); err != nil {
		return 0, 0, err
	}
	c.read.SetMaxOpenConns(4)
	c.read.SetMaxIdleConns(4)
	row := c.read.QueryRow("SELECT (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_master)")
	err = row.Scan(&version, &tables)
	return version, tables, err
}

func openSQLite(path, query string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	p := filepath.ToSlash(abs)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // C:/…
	}
	return sql.Open("sqlite", "file://"+(&url.URL{Path: p}).EscapedPath()+"?_pragma=busy_timeout(10000)&_pragma=cache_size(-1000)&"+query)
}

func (c *Calls) openWriter(path string) (err error) {
	if c.db, err = openSQLite(path, "_pragma=wal_autocheckpoint(256)&_pragma=journal_size_limit(1048576)"); err != nil {
		return err
	}
	c.db.SetMaxOpenConns(1)
	ctx := context.Background()
	if c.conn, err = c.db.Conn(ctx); err != nil {
		return err
	}
	var version, tables int
	if err := c.conn.QueryRowContext(ctx, "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version").Scan(&version, &tables); err != nil {
		return err
	}
	if version == 1 {
		if err := c.exec("BEGIN IMMEDIATE; ALTER TABLE calls ADD COLUMN written INTEGER; PRAGMA user_version = 2; COMMIT"); err != nil {
			return errors.Join(err, c.exec("ROLLBACK"))
		}
		version = callsFormat
	}
	if version != callsFormat && (version != 0 || tables != 0) {
		return &FormatError{Have: version, Want: callsFormat}
	}
	if err := c.exec("PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	if err := c.synchronous("FULL"); err != nil {
		return err
	}
	if version == 0 {
		if err := c.create(); err != nil {
			return err
		}
	}
	c.texts.reset()
	return c.prepare()
}

// create makes the tables unless another process has just made them.
func (c *Calls) create() error {
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	var tables int
	err := c.conn.QueryRowContext(context.Background(), "SELECT count(*) FROM sqlite_master").Scan(&tables)
	if err == nil && tables == 0 {
		err = c.exec(callsSchema)
	}
	if err == nil {
		err = c.exec("COMMIT")
	}
	if err != nil {
		return errors.Join(err, c.exec("ROLLBACK"))
	}
	return nil
}

// written is the number of tokens of input that a provider kept.
func (c *Calls) written() string {
	if c.noWritten {
		return "0"
	}
	return "coalesce(written, 0)"
}

func (c *Calls) exec(query string) error {
	_, err := c.conn.ExecContext(context.Background(), query)
	return err
}

// synchronous says whether commits wait for the disk (FULL) or not (NORMAL).
func (c *Calls) synchronous(level string) error {
	if c.fast {
		level = "OFF"
	}
	if c.sync == level {
		return nil
	}
	c.sync = ""
	err := c.exec("PRAGMA synchronous = " + level)
	if err == nil {
		c.sync = level
	}
	return err
}

// Close writes everything into the one file and closes it. Calls that are open stay
// open; see [Calls.CutOff].
func (c *Calls) Close() error {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	c.users.Wait()
	var errs []error
	for _, stmt := range []*sql.Stmt{c.get, c.getText} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	if c.read != nil {
		errs = append(errs, c.read.Close())
	}
	if c.conn != nil {
		if c.stmts.begin != nil {
			// Where somebody else reads, the file stays as it is: it is complete with
			// its -wal beside it.
			_ = c.exec("PRAGMA busy_timeout = 0")
			_ = c.exec("PRAGMA wal_checkpoint(TRUNCATE)")
			_ = c.exec("PRAGMA journal_mode = DELETE")
		}
		errs = append(errs, c.stmts.close(), c.conn.Close())
	}
	if c.db != nil {
		errs = append(errs, c.db.Close())
	}
	return errors.Join(errs...)
}

// Get returns the reply to the first call of that key that was answered.
func (c *Calls) Get(key string) (*llm.Response, bool, error) {
	var resp llm.Response
	var reply []byte
	var t storedText
	u := &resp.Usage
	var found any
	err := c.get.QueryRow(keyValue(key)).Scan(&found, &resp.Finish, &resp.Model, &u.Input, &u.CachedInput, &u.Output, &u.Reasoning, &u.CacheWrite,
		&reply, &t.base, &t.shared, &t.packed, &t.rest)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err == nil && keyString(found) != key {
		err = fmt.Errorf("damaged: the index leads to call %s", keyString(found))
	}
	if err == nil {
		resp.Text, err = c.restore(reply, &t)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: call %s: %w", callsFile, key, err)
	}
	resp.Call = key
	return &resp, true, nil
}

// Begin records a call before it is sent. The row survives a kill of the process.
func (c *Calls) Begin(call *llm.Call) (int64, error) {
	if c.conn == nil {
		return 0, ErrReadOnly
	}
	p, err := newPrompt(call.Request)
	if err != nil {
		return 0, err
	}
	var id int64
	err = c.commit(&change{do: func() error {
		node, err := c.putPrompt(p)
		if err != nil {
			return err
		}
		key := keyValue(call.Key)
		l := &call.Label
		res, err := c.stmts.begin.Exec(key, call.Borrowed, key, call.Model, l.World, l.Step, l.Person, l.Purpose, node, p.settings.hash[:],
			call.Bound.Input, call.Bound.Output, call.Start.UnixMicro())
		if err != nil {
			return err
		}
		id, err = res.LastInsertId()
		return err
	}})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", callsFile, err)
	}
	return id, nil
}

// End completes a call. It is on disk when End returns.
func (c *Calls) End(id int64, r *llm.Result) error {
	if c.conn == nil {
		return ErrReadOnly
	}
	resp := r.Response
	var reply *text
	if resp == nil {
		resp = &llm.Response{}
	} else {
		t := newText(resp.Text)
		reply = &t
	}
	var problem sql.NullString
	if r.Err != nil {
		problem = sql.NullString{String: r.Err.Error(), Valid: true}
	}
	err := c.commit(&change{durable: true, do: func() error {
		var hash []byte
		if reply != nil {
			hash = reply.hash[:]
			if _, err := c.putText(reply, nil); err != nil {
				return err
			}
		}
		// What is not known is NULL, never 0: see Sum.Unreported.
		known := !llm.Unreported(r.Response, r.Err)
		count := func(n int) sql.NullInt64 { return sql.NullInt64{Int64: int64(n), Valid: known} }
		u := &resp.Usage
		res, err := c.stmts.end.Exec(string(r.Outcome), r.Elapsed.Microseconds(), hash, string(resp.Finish), resp.Model,
			count(u.Input), count(u.CachedInput), count(u.Output), count(u.Reasoning), count(u.CacheWrite), problem, id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(fmt.Errorf("no open call %d", id), err)
		}
		return nil
	}})
	if err != nil {
		return fmt.Errorf("%s: %w", callsFile, err)
	}
	return nil
}

// A key is kept as the bytes it stands for, or as it is where it is no hexadecimal.
func keyValue(key string) any {
	if b, err := hex.DecodeString(key); err == nil && hex.EncodeToString(b) == key {
		return b
	}
	return key
}

func keyString(v any) string {
	switch v := v.(type) {
	case []byte:
		return hex.EncodeToString(v)
	case string:
		return v
	}
	return ""
}

// micros returns a time kept as microseconds since 1970.
func micros(n int64) time.Time { return time.UnixMicro(n).UTC() }
