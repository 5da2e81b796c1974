// Package examples holds studies to begin with, and the people and fragments that
// they share. The people are invented.
package examples

import (
	"embed"
	"io/fs"
)

//go:embed people/*.agent.json fragments/*.fragment.json
//go:embed */study.yaml */README.md
//go:embed customer-interview/guide.md customer-interview/people
//go:embed social-network/edges.csv testing-a-chatbot/tasks.csv testing-a-chatbot/server/main.go
//go:embed tv-adverts/adverts.md
var files embed.FS

// Files returns people/NAME.agent.json, fragments/NAME.fragment.json, and a folder for
// each example, in which study.yaml is its study.
func Files() fs.FS { return files }
