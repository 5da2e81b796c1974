package transcript_test

import (
	"fmt"
	"os"
	"slices"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

func ExampleWrite() {
	events := []tinytroupe.Event{
		{Seq: 1, Kind: tinytroupe.EventPerceived, To: []string{"Lisa Carter"}, Stimulus: &tinytroupe.Stimulus{
			Kind: tinytroupe.Conversation, Content: "You are looking for a new TV.\nWhich advert do you follow?"}, End: true},
		{Seq: 2, Step: 1, Kind: tinytroupe.EventClock, Clock: &tinytroupe.Clock{Rounds: [][]string{{"Lisa Carter"}}}, End: true},
		{Seq: 3, Step: 1, Round: 1, Kind: tinytroupe.EventActed, Who: "Lisa Carter", To: []string{"Oscar"}, Action: &tinytroupe.Action{
			Kind: tinytroupe.Talk, Target: "Oscar", Content: "B. I watch films at night."}, End: true},
	}
	if err := transcript.Write(os.Stdout, slices.Values(events), &transcript.Options{Steps: 4}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// USER --> Lisa Carter: [CONVERSATION]
	//           > You are looking for a new TV.
	//           > Which advert do you follow?
	// ──────── Chat Room step 1 of 4 ────────
	// Lisa Carter acts: [TALK] to Oscar
	//           > B. I watch films at night.
}
