package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// hold opens a record in a process of its own and keeps it until stdin closes.
func hold(dir string) {
	r, err := Open(dir, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("held")
	if os.Getenv("RECORD_TEST_WORK") != "" {
		work(r)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = r.Close()
}

// Another process that holds the record is named; a dead one holds nothing.
func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "one")
	if err := newRecord(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	cmd, stdin := holder(t, dir)
	_, err := Open(dir, nil)
	var l *LockedError
	if !errors.As(err, &l) || l.PID != cmd.Process.Pid || !strings.Contains(err.Error(), fmt.Sprintf("%s is in use by process %d", dir, l.PID)) {
		t.Errorf("got %v", err)
	}
	if list, err := List(filepath.Dir(dir)); err != nil || len(list) != 1 || list[0].Status != Running {
		t.Errorf("%+v, %v", list, err)
	}
	v, err := View(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if s := v.Status(); s != Running {
		t.Errorf("it is %s", s)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	stdin.Close()
	if list, err := List(filepath.Dir(dir)); err != nil || len(list) != 1 || list[0].Status != Interrupted {
		t.Errorf("%+v, %v", list, err)
	}
	if s := v.Status(); s != Interrupted {
		t.Errorf("it is %s", s)
	}
	r, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil); err == nil || !strings.Contains(err.Error(), "this process") {
		t.Errorf("got %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// One that ends in good order leaves it too.
	cmd, stdin = holder(t, dir)
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	again := newRecord(t, dir)
	if again.Dir() != dir+"-2" {
		t.Errorf("made %s", again.Dir())
	}
}

// holder runs this test binary to hold a record.
func holder(t *testing.T, dir string, env ...string) (*exec.Cmd, io.Closer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "RECORD_TEST_HOLD="+dir), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd, in
}

// work calls and journals without end: what it has journalled, it has called before.
func work(r *Record) {
	c, err := r.Calls()
	if err != nil {
		fmt.Println(err)
		return
	}
	j, err := r.Journal("room")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := 1; ; i++ {
		key := fmt.Sprintf("%032x", i)
		id, err := c.Begin(call(key, ask(key)))
		if err == nil {
			err = c.End(id, answer("reply "+key))
		}
		if err == nil {
			err = j.Append(tinytroupe.Event{Seq: i, Kind: tinytroupe.EventClock, Clock: &tinytroupe.Clock{}, Calls: []string{key}, End: true})
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
}

// Killed at any moment, a record holds every call that its journal builds upon, at
// most one that is open, and can be gone on with.
func TestKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "one")
	if err := newRecord(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	total := 0
	for i := range 6 {
		cmd, stdin := holder(t, dir, "RECORD_TEST_WORK=1")
		time.Sleep(time.Duration(5+23*i) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		stdin.Close()

		r, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.Calls()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Journal("room"); err != nil {
			t.Fatal(err)
		}
		n := 0
		for ev, err := range r.Events("room") {
			if err != nil {
				t.Fatal(err)
			}
			n++
			if resp, ok, err := c.Get(ev.Calls[0]); err != nil || !ok || resp.Text != "reply "+ev.Calls[0] {
				t.Fatalf("event %d: %v, %v, %v", ev.Seq, resp, ok, err)
			}
		}
		open, err := unfinished(c)
		if err != nil || len(open) > i+1 {
			t.Errorf("%d calls are open after %d kills, %v", len(open), i+1, err)
		}
		l, err := c.Ledger(nil)
		if err != nil || l.Total.Outcomes[llm.Answered] < n-total {
			t.Errorf("%+v, %v", l, err)
		}
		if total = n; i == 5 && n == 0 {
			t.Error("nothing was done")
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
