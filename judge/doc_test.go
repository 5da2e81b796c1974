package judge

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestPage: docs/judges.md shows a program that runs, with its output, and says of the
// library and the gold set what they are.
func TestPage(t *testing.T) {
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	page, source := read("../docs/judges.md"), read("example_test.go")
	blocks := regexp.MustCompile("(?s)```(go)?\n(.*?)```").FindAllStringSubmatch(page, 2)
	if len(blocks) != 2 || blocks[0][1] != "go" {
		t.Fatal("the page has no program with its output")
	}
	program := strings.ReplaceAll("\n"+blocks[0][2], "\n", "\n\t")
	output := strings.ReplaceAll("\n"+blocks[1][2], "\n", "\n\t// ")
	for _, part := range []string{strings.TrimRight(program, "\n\t"), strings.TrimRight(output, "\n\t /")} {
		if !strings.Contains(source, part) {
			t.Errorf("this stands in docs/judges.md, and not in ExampleJudge_Check:%s", part)
		}
	}
	for _, p := range Library() {
		if !strings.Contains(page, "`"+p.Name+"`") {
			t.Errorf("docs/judges.md does not name %s", p.Name)
		}
	}
	verdicts, claims, shipped := map[Outcome]int{}, map[string]bool{}, map[string]bool{}
	items := gold(t)
	for _, it := range items {
		verdicts[it.Verdict]++
		claims[it.Proposition+it.Claim] = true
		if it.Proposition != "" {
			shipped[it.Proposition] = true
		}
	}
	words := map[int]string{4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}
	want := fmt.Sprintf("%d short transcripts with a claim and the right verdict, %d that hold, %d that do not, and %d that do not apply, over %d claims, %s of them from the library.",
		len(items), verdicts[Holds], verdicts[DoesNotHold], verdicts[NotApplicable], len(claims), words[len(shipped)])
	if !strings.Contains(strings.Join(strings.Fields(page), " "), want) {
		t.Errorf("docs/judges.md does not say: %s", want)
	}
}
