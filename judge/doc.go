// Package judge lets a language model judge what people said and did, and takes no
// verdict without evidence.
//
// A [Proposition] is a claim about a person or a world; a [Judge] finds whether it
// holds ([Judge.Check]), or how far from 0 to 9 ([Judge.Score]). The [Verdict] quotes
// the events it rests on. A quotation that was never said makes it invalid; nothing to
// judge is not applicable, not a perfect score; a judge that could not answer is
// failed. None of these is a verdict, and none is counted as one.
//
// Some claims need no model: see [Said]. [Library] holds claims that are often made of
// simulated people. A [Monitor] judges along a run, an [Interview] examines one person,
// and [Agreement] tells how far a model's verdicts can be trusted at all.
package judge
