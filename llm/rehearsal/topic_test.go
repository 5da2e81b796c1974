package rehearsal

import "testing"

// TestTopics: a question that is asked is recognised as what it asks for, or two
// stand-ins would talk past each other.
func TestTopics(t *testing.T) {
	for i := range topics {
		want := &topics[i]
		for _, q := range append(append([]string{}, want.ask...), want.familiar...) {
			if got := topicOf(q); got != want {
				t.Errorf("%q is taken for %v, want %s", q, got, want.id)
			}
			if whyAsk.MatchString(q) || backAsk.MatchString(q) {
				t.Errorf("%q is taken for a question of another form", q)
			}
		}
	}
}

func TestFacts(t *testing.T) {
	for _, test := range []struct {
		kind       kind
		item, want string
	}{
		{like, "I love travelling by train.", "I love travelling by train."},
		{interest, "Cooking", "I am interested in cooking."},
		{interest, "Piano, mostly Satie and film music", "I am interested in piano."},
		{workday, "Spends too long on small details.", "On a working day I spend too long on small details."},
		{morning, "Wakes at seven, snoozes once, makes coffee", "In the morning I wake at seven, snooze once, make coffee."},
		{evening, "Calls her mother on Wednesdays", "I call my mother on Wednesdays."},
		{evening, "Watches a film or reads.", "In the evening I watch a film or read."},
		{goal, "To buy a small house.", "I want to buy a small house."},
		{goal, "Own the building she rents", "I want to own the building I rent."},
		{belief, "Good design makes daily life easier.", "I believe that good design makes daily life easier."},
		{belief, "Work matters, but a person is not a position", "I believe that work matters, but a person is not a position."},
		{skill, "Proficient in Python and SQL.", "I am proficient in Python and SQL."},
		{skill, "Python, SQL and Spark, well enough to help others", "I am good at Python, SQL and Spark."},
		{skill, "Cannot drive: let the permit lapse twice", "I cannot drive."},
		{trait, "You are curious and love to learn.", "I am curious and love to learn."},
		{trait, "Fast paced and does not like to waste time.", "I am fast paced and do not like to waste time."},
		{trait, "Natural leader", "I am a natural leader."},
		{trait, "Warm with newcomers, remembers names", "I am warm with newcomers."},
		{other, "You grew up in Halifax, where your parents run a bakery.", "I grew up in Halifax, where my parents run a bakery."},
		{other, "Has a cat called Ada.", "I have a cat called Ada."},
		{dislike, "Gadgets that she never asked for", "I do not care for gadgets that I never asked for."},
		{weekend, "Hiking with friends", "Hiking with friends is part of my weekends."},
		{morning, "Up at six, round the block with Bruno", "This is how my day begins: up at six, round the block with Bruno."},
		{workday, "Updates the cost sheet before every meeting", "On a working day I update the cost sheet before every meeting."},
		{belief, "Cars take too much room in cities", "I believe that cars take too much room in cities."},
		{belief, "Buy American if it is any good", "This is what I believe: buy American if it is any good."},
		{other, "Born in a small town in Bavaria; moved to Berlin", "I was born in a small town in Bavaria."},
		{other, "Failed his first exam", "I failed my first exam."},
		{other, "Grew up in a house whose plan he still thinks is good", "I grew up in a house whose plan I still think is good."},
		{habit, "Says he will think about it and really does", "I say I will think about it and really do."},
		{goal, "Peace", "I am working towards peace."},
		{goal, "", ""},
	} {
		f := readFact(test.kind, test.item, voice{he: true, she: true})
		got := ""
		if ss := f.sayings(); f.raw != "" && len(ss) > 0 {
			got = ss[0]
		}
		if got != test.want {
			t.Errorf("%s %q: %q, want %q", test.kind, test.item, got, test.want)
		}
	}
}
