package tinytroupe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/tools/txtar"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// busy is a play with leavers, newcomers, yielding acts, consolidations and
// interventions, for a scheduler and an idle policy.
func busy(scheduler, idle string) *txtar.Archive {
	return txtar.Parse(fmt.Appendf(nil, `
-- world --
scheduler %s
idle %s
episode 700
intervene bell cooldown=1 ring
intervene newcomer once welcome
intervene expel once farewell
-- minds --
Ann: THINK: first let me look | LOOK: atlas
Ann: TALK: welcome and ring a bell for it | COUNT: a
Ann: TALK Bob: what does the atlas say about rivers
Ann: LOOK: nothing
Ann: LOOK: charts
Ann: MARK
Ann: LOOK: maps
Ann: TALK Cid: ring once more my friend
Ann: TALK: farewell to whoever is the last here
Ann: TALK Bob: we are still talking about rivers
Bob: TALK Ann: good to hear from you today
Bob: REACH_OUT Cid | TALK Cid: shall we go for a walk
Bob: TALK Ann: rivers flow down to the sea
Bob: THINK: nothing much happens now | COUNT: b
Bob: TALK: I would like some tea with milk
Cid: TALK Bob: a walk sounds lovely to me
Cid: TALK Ann: I ring the bell as asked
Cid: EXPEL Dan | TALK: Dan had to go now
Cid: BREAK | TALK Nemo: are you anywhere at all
Dan: TALK: I am Dan and I like long walks
Dan: LOOK: timetable
Dan: TALK Ann: the train leaves at nine sharp
Zoe: TALK: hello I am new around here
Zoe: LEAVE_ROOM | TALK: this is said too late
-- play --
add Ann
add Bob
add Cid
add Dan
introduce-all
broadcast Talk about rivers
run 6
-- trace --
`, scheduler, idle))
}

var kinds = func() (ks [][2]string) {
	for _, s := range []string{"in-turn", "together", "shuffled"} {
		for _, i := range []string{"act", "pass"} {
			ks = append(ks, [2]string{s, i})
		}
	}
	return ks
}()

// delays returns a timing that lets at most parallel minds decide at once, each
// for a random while.
func delays(seed uint64, parallel int) func() {
	slots := make(chan struct{}, parallel)
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 1))
	return func() {
		slots <- struct{}{}
		mu.Lock()
		d := time.Duration(r.IntN(300)) * time.Microsecond
		mu.Unlock()
		time.Sleep(d)
		<-slots
	}
}

func encode(t *testing.T, evs []Event) string {
	t.Helper()
	var b strings.Builder
	for i := range evs {
		j, err := json.Marshal(&evs[i])
		if err != nil {
			t.Fatal(err)
		}
		b.Write(j)
		b.WriteByte('\n')
	}
	return b.String()
}

// TestDeterminism: whatever the timing and the number of parallel calls, the
// journal is the same to the byte.
func TestDeterminism(t *testing.T) {
	for _, k := range kinds {
		t.Run(k[0]+"/"+k[1], func(t *testing.T) {
			t.Parallel()
			var want string
			for run := range 50 {
				st := newStage(t, busy(k[0], k[1]))
				if run > 0 {
					st.timing = delays(uint64(run), 1+run%16)
				}
				st.play()
				got := encode(t, st.journal)
				if run == 0 {
					want = got
					for _, kind := range []EventKind{EventFolded, EventFired, EventLeft, EventNoted} {
						if !strings.Contains(want, `"kind":"`+string(kind)+`"`) {
							t.Fatalf("the play has no %s event: it proves less than it should", kind)
						}
					}
				} else if got != want {
					t.Fatalf("run %d differs:\n%s", run, firstDifference(want, got))
				}
			}
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines against %d", len(w), len(g))
}

// TestResume: from every commit boundary, and from within every commit, a resumed
// world reaches the identical end; and what an interrupted world still knows is
// what its journal tells.
func TestResume(t *testing.T) {
	for _, k := range kinds {
		t.Run(k[0]+"/"+k[1], func(t *testing.T) {
			t.Parallel()
			st := newStage(t, busy(k[0], k[1]))
			st.play()
			whole, want := st.journal, encode(t, st.journal)
			first := slices.IndexFunc(whole, func(e Event) bool { return e.Clock != nil && e.Clock.World == nil })
			for cut := first; cut <= len(whole); cut++ {
				again := newStage(t, busy(k[0], k[1]))
				if cut%3 == 0 {
					again.timing = delays(uint64(cut), 4)
				}
				kept := slices.Clone(whole[:cut])
				w, err := Resume(nil, eventSeq(kept), again.options())
				if err != nil {
					t.Fatal(err)
				}
				for len(kept) > 0 && !kept[len(kept)-1].End {
					kept = kept[:len(kept)-1]
				}
				again.journal = kept
				steps := 6 - w.View().Step()
				if w.st.open {
					steps++
				}
				if err := w.Run(t.Context(), steps); err != nil {
					t.Fatal(err)
				}
				if got := encode(t, again.journal); got != want {
					t.Fatalf("resumed after %d of %d events: %s", cut, len(whole), firstDifference(want, got))
				}
			}
		})
	}
}

// TestRunInPieces: Run(6) is six times Run(1).
func TestRunInPieces(t *testing.T) {
	for _, k := range kinds {
		whole, pieces := newStage(t, busy(k[0], k[1])), newStage(t, busy(k[0], k[1]))
		whole.play()
		pieces.play_ = strings.Replace(pieces.play_, "run 6", strings.Repeat("run 1\n", 6), 1)
		pieces.play()
		if want, got := encode(t, whole.journal), encode(t, pieces.journal); got != want {
			t.Errorf("%v: %s", k, firstDifference(want, got))
		}
	}
}

// TestInterrupted: a run stopped at any moment, softly or hard, then run again,
// ends the same.
func TestInterrupted(t *testing.T) {
	for _, k := range kinds {
		t.Run(k[0]+"/"+k[1], func(t *testing.T) {
			t.Parallel()
			whole := newStage(t, busy(k[0], k[1]))
			whole.play()
			want := encode(t, whole.journal)
			for n := range 30 {
				st := newStage(t, busy(k[0], k[1]))
				st.play_ = strings.Replace(st.play_, "run 6", "", 1)
				st.play()
				ctx, cancel := context.WithCancel(t.Context())
				soft, stop := drain.With(ctx)
				var mu sync.Mutex
				calls := 0
				st.timing = func() {
					mu.Lock()
					defer mu.Unlock()
					if calls++; calls == n+1 {
						if n%2 == 0 {
							stop()
						} else {
							cancel()
						}
					}
				}
				err := st.w.Run(soft, 6)
				if err == nil {
					t.Fatalf("%d: not interrupted", n)
				}
				if !errors.Is(err, context.Canceled) && !errors.Is(err, drain.ErrStopped) {
					t.Fatalf("%d: %v", n, err)
				}
				steps := 6 - st.w.View().Step()
				if st.w.st.open {
					steps++
				}
				if err := st.w.Run(t.Context(), steps); err != nil {
					t.Fatal(err)
				}
				stop()
				cancel()
				if got := encode(t, st.journal); got != want {
					t.Fatalf("%d: %s", n, firstDifference(want, got))
				}
			}
		})
	}
}
