package extract

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// TextOptions are the settings of Table.WriteText.
type TextOptions struct {
	Bar  int // most columns of a bar; 0 means 20
	Name int // most columns of a value and its label; 0 means 40. What is longer is cut, here alone
}

// WriteText writes the table for a terminal: bars, counts, shares with their intervals in
// per cent, and the base beside them. Nothing in it can drive the terminal.
//
//	choice.advert, base 11 of 13: 1 absent, 1 refused
//	  A ███████ 7  64 % (35–85)
//	  B ████    4  36 % (15–65)
func (t *Table) WriteText(w io.Writer, o *TextOptions) error {
	if o == nil {
		o = &TextOptions{}
	}
	width, name := o.Bar, o.Name
	if width <= 0 {
		width = 20
	}
	if name <= 0 {
		name = 40
	}
	var b strings.Builder
	for i := range t.Groups {
		g := &t.Groups[i]
		indent := "  "
		if g.Values == nil {
			b.WriteString(transcript.OneLine(t.Name))
			if t.Rehearsal {
				b.WriteString(" (rehearsal)")
			}
			b.WriteString(", " + g.base(t.Weighted) + "\n")
		} else {
			indent = "    "
			var names []string
			for j, v := range g.Values {
				names = append(names, transcript.OneLine(t.By[j])+" "+transcript.OneLine(v))
			}
			b.WriteString("  " + strings.Join(names, ", ") + ", " + g.base(t.Weighted) + "\n")
		}
		g.rows(&b, indent, width, name)
		if g.Stats != nil {
			b.WriteString(indent + g.Stats.text() + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// base says how much of what was asked is counted, and what became of the rest.
func (g *Group) base(weighted bool) string {
	s := fmt.Sprintf("base %d of %d", g.Base.Answered, g.Base.Asked)
	var rest []string
	for _, x := range []struct {
		n    int
		what Outcome
	}{{g.Base.Absent, Absent}, {g.Base.Refused, Refused}, {g.Base.Invalid, Invalid}, {g.Base.Failed, Failed}, {g.Base.Skipped, Skipped}} {
		if x.n > 0 {
			rest = append(rest, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	if len(rest) > 0 {
		s += ": " + strings.Join(rest, ", ")
	}
	if g.People < g.Base.Answered {
		s += fmt.Sprintf("; from %d respondent", g.People)
		if g.People != 1 {
			s += "s"
		}
	}
	if weighted && math.Abs(g.Effective-float64(g.Base.Answered)) > 0.005 {
		s += fmt.Sprintf("; weighted, as good as %s equal ones", short(g.Effective))
	}
	return s
}

func (g *Group) rows(b *strings.Builder, indent string, width, name int) {
	most, names, counts := 0.0, 0, 1
	for _, r := range g.Rows {
		most = max(most, r.Weight)
		names = max(names, transcript.Width(r.name(name)))
		counts = max(counts, len(strconv.Itoa(r.Count)))
	}
	// A block for each answer, or fewer where there is no room.
	scale := 1.0
	if most > float64(width) {
		scale = float64(width) / most
	}
	longest := int(math.Ceil(most*scale - 1e-9))
	for _, r := range g.Rows {
		bar := int(math.Ceil(r.Weight*scale - 1e-9))
		fmt.Fprintf(b, "%s%s%s %s%s %*d", indent, r.name(name), strings.Repeat(" ", names-transcript.Width(r.name(name))),
			strings.Repeat("█", bar), strings.Repeat(" ", longest-bar), counts, r.Count)
		if r.Share != nil {
			b.WriteString("  " + r.Share.text())
		}
		if r.Ranked != nil {
			fmt.Fprintf(b, "  mean rank %s, Borda %s", short(r.Ranked.MeanRank), short(r.Ranked.Borda))
		}
		b.WriteString("\n")
	}
}

func (r *Row) name(most int) string {
	s := transcript.OneLine(r.Value)
	if r.Label != "" {
		s += " " + transcript.OneLine(r.Label)
	}
	for short := []rune(s); transcript.Width(s) > most && len(short) > 1; {
		short = short[:len(short)-1]
		s = string(short) + "…"
	}
	return s
}

func (s *Share) text() string {
	return fmt.Sprintf("%.0f %% (%.0f–%.0f)", math.Round(100*s.P), math.Round(100*s.Lo), math.Round(100*s.Hi))
}

func (s *Stats) text() string {
	text := "mean " + short(s.Mean)
	if s.SD != nil {
		text += ", sd " + short(*s.SD)
	}
	text += ", median " + short(s.Median) + ", " + short(s.Min) + " to " + short(s.Max)
	if s.Top2 != nil {
		text += "; top two " + s.Top2.text() + ", bottom two " + s.Bottom.text()
	}
	return text
}

// short is a number with two decimals at most.
func short(x float64) string {
	s := strconv.FormatFloat(x, 'f', 2, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// WriteCSV writes the table, one figure a row: what it is of, the figure, and the
// bases. Texts are made safe as by [WriteCSV].
func (t *Table) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	head := []string{"question"}
	for _, by := range t.By {
		head = append(head, Cell("by "+by))
	}
	head = append(head, "figure", "value", "label", "count", "estimate", "low", "high", "weight", "effective",
		"asked", "answered", "absent", "refused", "invalid", "failed", "skipped", "people")
	if t.Rehearsal {
		head = append(head, "notice")
	}
	c.Write(head)
	for i := range t.Groups {
		g := &t.Groups[i]
		row := func(figure, value, label, count string, numbers ...float64) {
			line := []string{Cell(t.Name)}
			for j := range t.By {
				v := "" // the total
				if g.Values != nil {
					v = numberOrText(g.Values[j])
				}
				line = append(line, v)
			}
			line = append(line, figure, numberOrText(value), Cell(label), count)
			for j := range 3 {
				if j < len(numbers) {
					line = append(line, plain(numbers[j]))
				} else {
					line = append(line, "")
				}
			}
			line = append(line, plain(g.Weight), plain(g.Effective))
			for _, n := range []int{g.Base.Asked, g.Base.Answered, g.Base.Absent, g.Base.Refused, g.Base.Invalid, g.Base.Failed, g.Base.Skipped, g.People} {
				line = append(line, strconv.Itoa(n))
			}
			if t.Rehearsal {
				line = append(line, t.Notice)
			}
			c.Write(line)
		}
		share := func(s *Share) []float64 {
			if s == nil {
				return nil
			}
			return []float64{s.P, s.Lo, s.Hi}
		}
		if len(g.Rows) == 0 && g.Stats == nil {
			row("base", "", "", "")
		}
		figure := "share"
		if t.Type == Rank {
			figure = "first choice"
		}
		for _, r := range g.Rows {
			row(figure, r.Value, r.Label, strconv.Itoa(r.Count), share(r.Share)...)
			if r.Ranked != nil {
				row("mean rank", r.Value, r.Label, "", r.Ranked.MeanRank)
				row("Borda", r.Value, r.Label, "", r.Ranked.Borda)
			}
		}
		if s := g.Stats; s != nil {
			row("mean", "", "", "", s.Mean)
			if s.SD != nil {
				row("sd", "", "", "", *s.SD)
			}
			row("median", "", "", "", s.Median)
			row("least", "", "", "", s.Min)
			row("most", "", "", "", s.Max)
			if s.Top2 != nil {
				row("top two", "", "", "", share(s.Top2)...)
				row("bottom two", "", "", "", share(s.Bottom)...)
			}
		}
	}
	c.Flush()
	return c.Error()
}
