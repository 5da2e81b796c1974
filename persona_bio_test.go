package tinytroupe_test

import "testing"

func TestBio(t *testing.T) {
	for text, want := range map[string]string{
		`{"name":"Lisa Carter","age":28,"nationality":"Canadian","residence":"Toronto, Canada","occupation":{"title":"Data Scientist","organization":"Microsoft"}}`: "Lisa Carter is 28 years old and Canadian, and lives in Toronto, Canada. Occupation: Data Scientist, Microsoft.",
		`{"name":"Ana","age":"28","nationality":null,"country_of_residence":"Chile","occupation":"Cook."}`:                                                          "Ana is 28 years old, and lives in Chile. Occupation: Cook.",
		`{"name":"Ana","age":1}`:                                    "Ana is 1 year old.",
		`{"name":"Ana","age":"late twenties","nationality":"Thai"}`: "Ana (late twenties) is Thai.",
		`{"name":"Ana","residence":" a\n village. "}`:               "Ana lives in a village.",
		`{"name":"Ana","occupation":{"description":"Keeps bees."}}`: "Ana. Occupation: Keeps bees.",
		`{"name":"Ana","occupation":{"organization":"A bank"}}`:     "Ana. Occupation: A bank.",
		`{"name":"Ana","age":[],"occupation":null}`:                 "Ana.",
		`{}`: "Somebody.",
	} {
		if got := persona(t, text).Bio(); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}
