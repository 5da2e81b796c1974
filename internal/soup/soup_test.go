package soup_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/internal/soup"
)

func TestWhy(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "No no no no no no no no no.": "", "Hahahahahahahaha!": "",
		strings.Repeat("the the the of ", 20):                                                             "the same words over and over",
		strings.Repeat("I think that I think that the price is the price. ", 12):                          "the same words over and over",
		strings.Repeat("我觉得很好", 40):                                                                       "the same words over and over",
		"Yes" + strings.Repeat("!", 60):                                                                   "one character over and over",
		"begin ĠthePrivate\ue000\ue001 \ufffd\ufffd and so on, it goes on and on like this for some time": "characters that are no text",
		`}}{{//==>><<||&&^^%%$$##@@!!~~[[]]::;;,,..??}}{{//==>><<||&&^^%%$$##@@!!`:                        "symbols rather than words",
		"the прав ده הלו देव 的 of Ωμέγα и ко का کہ שלום и the 東京 एक دو and ко और so και on":                                                                                                                                                  "letters of many scripts mixed",
		"Ich finde, der Preis ist zu hoch; wer kauft denn heute noch einen Fernseher für zweitausend Euro, wenn ein Beamer die Hälfte kostet und auf jede Wand passt? Ich jedenfalls nicht, und meine Nachbarn auch nicht, soweit ich weiß.": "",
		"我觉得这个价格太高了，现在谁还会花两千块钱买一台电视呢？投影仪只要一半的钱，而且可以投在任何一面墙上。我反正不会买，据我所知我的邻居们也不会买，除非它能打折或者送一个音响。":                                                                                                                                             "",
		"この値段は高すぎると思います。今どきテレビに二十万円も出す人がいるでしょうか。プロジェクターなら半額で、どの壁にも映せますし、片付けも簡単です。":                                                                                                                                                           "",
		"| name | age |\n|---|---|\n| Ann | 31 |\n| Bea | 42 |\n| Cy | 53 |\n| Dot | 64 |\n":                                                                                                                                                 "",
		"for i := 0; i < n; i++ { sum += list[i] } // then return the sum, which is never negative; see RFC 6901":                                                                                                                            "",
	} {
		if got := soup.Why(text); got != want {
			t.Errorf("%.60q: %q, want %q", text, got, want)
		}
	}
}

// TestText: nothing that people wrote in this repository is taken for soup.
func TestText(t *testing.T) {
	n := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".md") {
			return err
		}
		data, err := os.ReadFile(path)
		for part := range strings.SplitSeq(string(data), "\n\n") {
			n++
			if why := soup.Why(part); why != "" && !strings.Contains(part, "|--") && !strings.HasPrefix(part, "```") {
				t.Errorf("%s: %s: %.80q", path, why, part)
			}
		}
		return err
	})
	if err != nil || n < 300 {
		t.Fatal(n, err)
	}
}

func FuzzWhy(f *testing.F) {
	f.Add("a b c")
	f.Add(strings.Repeat("的", 200))
	f.Fuzz(func(t *testing.T, s string) {
		if why, again := soup.Why(s), soup.Why(strings.Clone(s)); why != again {
			t.Errorf("%q, and then %q", why, again)
		}
	})
}
