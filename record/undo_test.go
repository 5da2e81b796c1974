package record

import (
	"os"
	"path/filepath"
	"testing"
)

// TestViewUndoes: a record whose process was killed in the middle of a change to
// calls.db can be looked at, without the change.
func TestViewUndoes(t *testing.T) {
	good, want := goodCalls(t)
	dir := t.TempDir()
	path := filepath.Join(dir, callsFile)
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	// What a kill leaves: pages changed in the file, and the journal to undo it.
	db, err := openSQLite(path, "_pragma=journal_mode(DELETE)&_pragma=cache_size(1)&_pragma=cache_spill(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for range 200 {
		if _, err := tx.Exec("INSERT INTO texts SELECT randomblob(16), NULL, NULL, 0, randomblob(3000)"); err != nil {
			t.Fatal(err)
		}
	}
	left := t.TempDir()
	for _, more := range []string{"", "-journal"} {
		data, err := os.ReadFile(path + more)
		if err != nil || len(data) == 0 {
			t.Fatal(more, len(data), err)
		}
		if err := os.WriteFile(filepath.Join(left, callsFile+more), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := openCalls(filepath.Join(left, callsFile), &callsOptions{readOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for key, text := range want {
		if resp, ok, err := c.Get(key); err != nil || !ok || resp.Text != text {
			t.Errorf("%s: %v, %v", key, ok, err)
		}
	}
	var n int
	if err := c.read.QueryRow("SELECT count(*) FROM texts").Scan(&n); err != nil || n > 100 {
		t.Errorf("%d texts, %v: the change was not undone", n, err)
	}
}
