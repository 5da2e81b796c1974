package main

import (
	"cmp"
	"fmt"

	"github.com/tinytroupe-go/tinytroupe/config"
)

// caps are what a run may use; 0 is no limit.
type caps struct {
	usd           float64
	calls, tokens int
}

// or is c, and of what it does not limit, d.
func (c caps) or(d caps) caps {
	return caps{cmp.Or(c.usd, d.usd), cmp.Or(c.calls, d.calls), cmp.Or(c.tokens, d.tokens)}
}

// capsOf are those of config.ini.
func capsOf(s *config.Settings) caps { return caps{s.BudgetUSD, s.BudgetCalls, s.BudgetTokens} }

// limited settles the cap in US dollars of a run or a chat (what) whose model was found,
// not named, and costs money: foundCap where the user set none, and note says so. Where
// the model's price is not known, such a cap cannot be kept: that is an error, unless
// calls or tokens are limited.
func (c choice) limited(prices tariff, l caps, what string) (_ caps, note string, err error) {
	if l.usd > 0 {
		return l, "", nil
	}
	if c.unpriced(prices) && l.calls == 0 && l.tokens == 0 {
		return l, "", fmt.Errorf("%s was found (%s), not named, and its price is not known, so that the cap of %s on models that were found cannot be kept\n"+
			"Name it: --model %s, or set a limit that can be kept: --max-tokens N or --max-calls N", c.name, c.why, usd(foundCap), c.name)
	}
	if c.paid(prices) {
		l.usd = foundCap
		note = fmt.Sprintf("%s was found, not named: the %s is capped at %s (--budget sets another cap)", c.name, what, usd(foundCap))
	}
	return l, note, nil
}

// settleCaps settles what the run may use: flags, else the study, else config.ini; of a
// run that goes on, else what held before.
func (s *session) settleCaps() error {
	b := s.study.Budget
	s.caps = caps{s.f.budget, s.f.maxCalls, s.f.maxTokens}
	switch {
	case s.f.resume:
		s.caps = s.caps.or(s.before.limits)
	case s.resumed:
		// A cap holds until another is named; what was spent before counts.
		s.caps = s.caps.or(caps{b.USD, b.Calls, b.Tokens}).or(s.before.limits).or(capsOf(s.set))
	default:
		s.caps = s.caps.or(caps{b.USD, b.Calls, b.Tokens}).or(capsOf(s.set))
	}
	l, note, err := s.choice.limited(s.p.prices, s.caps, "run")
	if s.caps = l; note != "" {
		s.warn = append(s.warn, note)
	}
	return err
}

// priceKnown refuses a cap in money on models of which nobody knows what they cost: it
// could not be kept, and each call would fail.
func priceKnown(prices tariff, l caps, models ...string) error {
	if l.usd <= 0 {
		return nil
	}
	for _, name := range models {
		if _, known := prices(name); !known {
			return fmt.Errorf("no price is known of %s, so the cap of %s cannot be kept\n"+
				"Say the price in prices.json, or have no cap in money (--budget, the study's budget, config.ini) and limit what can be counted: --max-tokens N or --max-calls N", name, usd(l.usd))
		}
	}
	return nil
}
