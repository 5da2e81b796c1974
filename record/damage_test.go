package record

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// goodCalls returns the bytes of a file of calls, and the replies in it by key.
func goodCalls(t testing.TB) ([]byte, map[string]string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), callsFile)
	c, err := openCalls(path, &callsOptions{fast: true})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i := range 12 {
		key, text := fmt.Sprintf("%064x", i+1), fmt.Sprintf("Reply %d: %0*d and so on.", i, 300*(i%3), 7)
		req := ask(fmt.Sprintf("Question %d", i))
		if i > 0 {
			req.Messages = append([]llm.Message{llm.Text(llm.User, "Question 0"), llm.Text(llm.Assistant, "Reply 0")}, req.Messages...)
		}
		id, err := c.Begin(call(key, req))
		if err == nil && i < 11 {
			err = c.End(id, answer(text))
			want[key] = text
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data, want
}

// FuzzCalls: whatever becomes of the bytes of a file of calls, reading it and going on
// with it gives an error or the replies as they were; never a panic, never other words.
// An edit is an offset (4 bytes) and what is put there over the byte; the file is cut
// to a length.
func FuzzCalls(f *testing.F) {
	good, want := goodCalls(f)
	f.Add([]byte{}, uint32(len(good)))
	f.Add([]byte{0, 0, 0, 0, 1}, uint32(len(good)))
	f.Add([]byte{0, 0, 0, 18, 1, 0, 0, 0, 28, 7}, uint32(len(good)))
	f.Add([]byte{}, uint32(len(good)/2))
	f.Add([]byte{}, uint32(4096))
	f.Add([]byte{}, uint32(0))
	for page := 1; page*4096 < len(good); page++ {
		var b []byte
		for _, at := range []int{0, 3, 5, 8, 100, 3000, 4000, 4090} {
			b = append(binary.BigEndian.AppendUint32(b, uint32(page*4096+at)), 0x41)
			f.Add(b[len(b)-5:], uint32(len(good)))
		}
		f.Add(b, uint32(len(good)))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, edits []byte, length uint32) {
		damaged(t, filepath.Join(dir, fmt.Sprint(os.Getpid(), "-", callsFile)), good, want, edits, length)
	})
}

// damaged reads, and goes on with, a file of calls to which edits were made.
func damaged(t *testing.T, path string, good []byte, want map[string]string, edits []byte, length uint32) {
	t.Helper()
	data := append([]byte(nil), good[:min(int(length), len(good))]...)
	for ; len(edits) >= 5 && len(data) > 0; edits = edits[5:] {
		data[int(binary.BigEndian.Uint32(edits))%len(data)] ^= edits[4]
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, more := range []string{"", "-wal", "-shm", "-journal"} {
			_ = os.Remove(path + more)
		}
	}()
	for _, readOnly := range []bool{true, false} {
		c, err := openCalls(path, &callsOptions{readOnly: readOnly, fast: true})
		if err != nil {
			continue
		}
		for key, text := range want {
			if resp, ok, err := c.Get(key); err == nil && ok && resp.Text != text {
				t.Errorf("%s: %.40q instead of %.40q", key, resp.Text, text)
			}
		}
		for e, err := range c.Entries() {
			if err != nil {
				break
			}
			_, _ = c.Request(e.ID)
			// A row may name another reply that is whole: nothing binds the two but Get.
			if text, err := c.Reply(e.ID); err == nil && text != "" && !among(want, text) {
				t.Errorf("call %d: %q", e.ID, text)
			}
		}
		if !readOnly {
			if id, err := c.Begin(call("new", ask("new"))); err == nil {
				_ = c.End(id, answer("new"))
			}
			_, _ = c.Ledger(nil)
		}
		_ = c.Close()
	}
}

var mutations = flag.Int("mutations", 400, "how many damaged journals, and a twentieth as many damaged files of calls, TestMutations reads")

// TestMutations is FuzzJournal and FuzzCalls without what guides them, which a database
// in the same package makes slow: bytes changed, left out, put in, doubled and cut.
func TestMutations(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var journal []byte
	for i := range 6 {
		for _, ev := range commit(rnd, 1+3*i, 3) {
			line, err := marshal(&ev, "")
			if err != nil {
				t.Fatal(err)
			}
			journal = append(journal, line...)
		}
	}
	for range *mutations {
		data := slices.Clone(journal)
		for range 1 + rnd.IntN(4) {
			at := rnd.IntN(len(data) + 1)
			to := min(len(data), at+rnd.IntN(40))
			switch rnd.IntN(6) {
			case 0:
				data = slices.Delete(data, at, to)
			case 1:
				data = slices.Insert(data, at, data[at:to]...)
			case 2:
				data = slices.Insert(data, at, []byte("{}[]\",:\n\x00\xff1e9")[rnd.IntN(13)])
			case 3:
				data = data[:at]
			default:
				if at < len(data) {
					data[at] ^= 1 << rnd.IntN(8)
				}
			}
			if len(data) == 0 {
				break
			}
		}
		readAlike(t, data)
	}
	good, want := goodCalls(t)
	path := filepath.Join(t.TempDir(), callsFile)
	for range *mutations / 20 {
		edits := make([]byte, 5*(1+rnd.IntN(6)))
		for i := range edits {
			edits[i] = byte(rnd.Uint32())
		}
		length := uint32(len(good))
		if rnd.IntN(4) == 0 {
			length = rnd.Uint32N(length)
		}
		damaged(t, path, good, want, edits, length)
	}
}

func among(want map[string]string, text string) bool {
	for _, s := range want {
		if s == text {
			return true
		}
	}
	return false
}
