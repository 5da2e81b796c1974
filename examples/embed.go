// Package examples holds people, and fragments of people, to begin with. They are
// invented.
package examples

import (
	"embed"
	"io/fs"
)

//go:embed people/*.agent.json fragments/*.fragment.json
var files embed.FS

// Files returns people/NAME.agent.json and fragments/NAME.fragment.json.
func Files() fs.FS { return files }
