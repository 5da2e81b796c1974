package judge

import (
	"fmt"
	"math"
	"strings"
)

// Outcome says how judging ended. Only the first four say something of the people
// judged.
type Outcome string

const (
	Holds         Outcome = "holds"
	DoesNotHold   Outcome = "does not hold"
	Scored        Outcome = "scored"         // the verdict has a Score
	NotApplicable Outcome = "not applicable" // there is nothing that the claim could be true or false of

	Undecided Outcome = "undecided"  // the draws disagree, and none has a majority
	NotJudged Outcome = "not judged" // the judge is a stand-in, whose verdicts are evidence of nothing
	Refused   Outcome = "refused"    // a content filter or the model refused
	Invalid   Outcome = "invalid"    // the reply is no verdict, or it quotes what was never said
	Failed    Outcome = "failed"     // no reply came
)

// Judged reports whether the outcome is a finding about the people judged.
func (o Outcome) Judged() bool {
	return o == Holds || o == DoesNotHold || o == Scored || o == NotApplicable
}

// MaxScore is the highest score. 0 says that a claim is false, 1 to 3 mostly false, 4
// and 5 partly true, 6 to 8 mostly true, 9 true beyond doubt.
const MaxScore = 9

// A Verdict is what came of judging one proposition about one subject.
type Verdict struct {
	Proposition string   `json:"proposition,omitempty"` // its name
	Claim       string   `json:"claim"`                 // as it was judged, with its variables filled in
	Subject     string   `json:"subject"`
	Outcome     Outcome  `json:"outcome"`
	Score       *float64 `json:"score,omitempty"`      // 0 to 9, the mean of the draws that scored; nil unless Outcome is Scored
	Confidence  *float64 `json:"confidence,omitempty"` // 0 to 1, as the judge says; nil unless Outcome is Judged
	Reason      string   `json:"reason"`               // why this outcome: the judge's words, or the error's
	Quotes      []Quote  `json:"quotes,omitempty"`     // what it rests on, each found in the events shown
	Draws       []Draw   `json:"draws,omitempty"`      // one for each time a model was asked
	Shown       int      `json:"shown"`                // events that the judge saw
	Events      int      `json:"events"`               // events there were to see
}

// A Quote is a passage found in an event.
type Quote struct {
	Room string `json:"room,omitempty"`
	Seq  int    `json:"seq"`           // the event's number in its journal; 0 for an act only proposed
	Who  string `json:"who,omitempty"` // whose words; empty for what came from outside
	Text string `json:"text,omitempty"`
}

// A Draw is one judgement of a model.
type Draw struct {
	Outcome    Outcome  `json:"outcome"`
	Score      *int     `json:"score,omitempty"`      // as in Verdict
	Confidence *float64 `json:"confidence,omitempty"` // as in Verdict
	Reason     string   `json:"reason"`
	Quotes     []Quote  `json:"quotes,omitempty"`
	Calls      []string `json:"calls,omitempty"` // keys of the model calls behind it
	Err        error    `json:"-"`               // behind Refused, Invalid and Failed
}

// Calls returns the keys of the model calls behind the verdict.
func (v *Verdict) Calls() []string {
	var keys []string
	for _, d := range v.Draws {
		keys = append(keys, d.Calls...)
	}
	return keys
}

// Agreement tells how far the draws agree: the mean over all pairs of draws that ended
// in a finding, of 1 for the same outcome and 0 for another; of two scores, 1 less
// their distance as a share of 9 (the linear weights of Cohen's weighted kappa, 1968,
// doi:10.1037/h0026256). It is false for fewer than two such draws.
func (v *Verdict) Agreement() (float64, bool) {
	sum, pairs := 0.0, 0
	for i, a := range v.Draws {
		for _, b := range v.Draws[:i] {
			if !a.Outcome.Judged() || !b.Outcome.Judged() {
				continue
			}
			pairs++
			switch {
			case a.Outcome != b.Outcome:
			case a.Outcome == Scored:
				sum += 1 - math.Abs(float64(*a.Score-*b.Score))/MaxScore
			default:
				sum++
			}
		}
	}
	if pairs == 0 {
		return 0, false
	}
	return sum / float64(pairs), true
}

// settle makes the verdict of its draws: the outcome that more than half of all draws
// have. Where none has, a draw that came to nothing decides, so that it is asked again
// and not outvoted by absence; else the verdict is undecided.
func (v *Verdict) settle() {
	count := map[Outcome]int{}
	for _, d := range v.Draws {
		count[d.Outcome]++
	}
	v.Outcome = Undecided
	for _, o := range []Outcome{Refused, Invalid, Failed} {
		if count[o] > 0 {
			v.Outcome = o
		}
	}
	for o, n := range count {
		if 2*n > len(v.Draws) {
			v.Outcome = o
		}
	}
	if v.Outcome == Undecided {
		parts := make([]string, len(v.Draws))
		for i, d := range v.Draws {
			parts[i] = string(d.Outcome)
		}
		v.Reason = "the draws disagree: " + strings.Join(parts, ", ")
		return
	}
	var score, confidence float64
	n := float64(count[v.Outcome])
	for _, d := range v.Draws {
		if d.Outcome != v.Outcome {
			continue
		}
		if d.Score != nil {
			score += float64(*d.Score) / n
		}
		if d.Confidence != nil {
			confidence += *d.Confidence / n
		}
	}
	if v.Outcome == Scored {
		v.Score = &score
	}
	if v.Outcome.Judged() {
		v.Confidence = &confidence
	}
	// The draw that speaks for the verdict is the first with its outcome; of scores, the
	// first of those nearest to the mean.
	best, least := -1, 0.0
	for i, d := range v.Draws {
		if d.Outcome != v.Outcome {
			continue
		}
		far := 0.0
		if d.Score != nil {
			far = math.Abs(float64(*d.Score) - score)
		}
		if best < 0 || far < least {
			best, least = i, far
		}
	}
	v.Reason, v.Quotes = v.Draws[best].Reason, v.Draws[best].Quotes
}

// String tells the verdict in one line.
func (v *Verdict) String() string {
	s := string(v.Outcome)
	if v.Outcome == Scored {
		s = fmt.Sprintf("%.3g of %d", *v.Score, MaxScore)
	}
	return fmt.Sprintf("%s: %s (%s)", v.Subject, s, strings.Join(strings.Fields(v.Reason), " "))
}

// A Summary counts verdicts. All its counts but Asked add up to Asked.
type Summary struct {
	Asked                                          int
	Holds, DoesNotHold, Scored, NotApplicable      int
	Undecided, NotJudged, Refused, Invalid, Failed int
	Skipped                                        int // nil: not asked, since the run was stopped

	sum float64 // of the scores
}

// Summarize counts verdicts.
func Summarize(verdicts []*Verdict) Summary {
	s := Summary{Asked: len(verdicts)}
	for _, v := range verdicts {
		if v == nil {
			s.Skipped++
			continue
		}
		*s.of(v.Outcome)++
		if v.Outcome == Scored {
			s.sum += *v.Score
		}
	}
	return s
}

// of returns the count of an outcome. An outcome of no known name is a failure.
func (s *Summary) of(o Outcome) *int {
	switch o {
	case Holds:
		return &s.Holds
	case DoesNotHold:
		return &s.DoesNotHold
	case Scored:
		return &s.Scored
	case NotApplicable:
		return &s.NotApplicable
	case Undecided:
		return &s.Undecided
	case NotJudged:
		return &s.NotJudged
	case Refused:
		return &s.Refused
	case Invalid:
		return &s.Invalid
	}
	return &s.Failed
}

// Base is how many verdicts a share or a mean rests on: those that hold, do not hold
// or have a score.
func (s Summary) Base() int { return s.Holds + s.DoesNotHold + s.Scored }

// Share is the share of claims that hold among those that hold or do not; false where
// there is none.
func (s Summary) Share() (float64, bool) {
	n := s.Holds + s.DoesNotHold
	if n == 0 {
		return 0, false
	}
	return float64(s.Holds) / float64(n), true
}

// Mean is the mean score; false where nothing was scored.
func (s Summary) Mean() (float64, bool) {
	if s.Scored == 0 {
		return 0, false
	}
	return s.sum / float64(s.Scored), true
}

// Meets reports whether at least that share holds. It is not judged, and so not met,
// where a stand-in judged, or unless more than half of those to whom the claim applies
// were found to hold or not: a share of the few that were decided says nothing of all.
func (s Summary) Meets(share float64) (met, judged bool) {
	got, _ := s.Share()
	judged = 2*(s.Holds+s.DoesNotHold) > s.Asked-s.NotApplicable && s.NotJudged == 0
	return judged && got >= share, judged
}

// String tells the counts with their base, in one line.
func (s Summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "base %d of %d", s.Base(), s.Asked)
	sep := ": "
	for _, o := range []Outcome{Holds, DoesNotHold, Scored, NotApplicable, Undecided, NotJudged, Refused, Invalid, Failed} {
		if n := *s.of(o); n > 0 {
			fmt.Fprintf(&b, "%s%d %s", sep, n, o)
			sep = ", "
		}
	}
	if s.Skipped > 0 {
		fmt.Fprintf(&b, "%s%d skipped", sep, s.Skipped)
	}
	return b.String()
}
