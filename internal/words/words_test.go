package words

import (
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for text, want := range map[string]string{
		"L'été à Montréal, 1998!": "l été à montréal 1998",
		"東京へ行くbus":                "東 京 へ 行 く bus",
		"हिन्दी भाषा":             "हिन्दी भाषा",
		"—…":                      "",
		"":                        "",
		"The TVs, 55 inch!":       "the tvs 55 inch",
		"cafe\u0301 é":            "cafe\u0301 é",
		"我喜欢LG的价格":                "我 喜 欢 lg 的 价 格",
		"カタカナ":                    "カ タ カ ナ",
		"ราคา ລາຄາ":               "ร า ค า ລ າ ຄ າ",
	} {
		if got := strings.Join(Of(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
