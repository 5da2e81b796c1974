// Package extract turns what people said into answers that can be counted: from
// transcripts ([Extractor.Extract], [Into]), by questions put to them ([Ask]), by
// rules over events ([Reduce]), by sorting free text into codes ([Extractor.Code]);
// and it counts them ([Tally]).
//
// Every value carries a quotation and where it stands. A quotation that nobody said
// makes the value invalid. Of what people are asked, the quotation is what they say beside
// the value; whoever says nothing beside it has an empty one, and the value is all that
// they said. Whoever said nothing about a question is absent, whoever
// would not say is refused: outcomes of their own, which no table counts as data, and
// which stand beside every statistic.
package extract
