package tinytroupe

import (
	"strconv"
	"strings"
)

// Bio says who somebody is in one or two plain English sentences, made of name, age,
// nationality, residence and occupation, as far as they are known. No model is asked.
func (p Persona) Bio() string {
	who, is := plain(p.Name()), ""
	if who == "" {
		who = "Somebody"
	}
	age := plain(p.Age())
	switch n, err := strconv.Atoi(age); {
	case err == nil && n == 1:
		is = "1 year old"
	case err == nil:
		is = age + " years old"
	case age != "":
		who += " (" + age + ")"
	}
	if nation := plain(p.Nationality()); nation != "" {
		is = between(is, " and ", nation)
	}
	if is != "" {
		is = "is " + is
	}
	if home := plain(p.Residence()); home != "" {
		is = between(is, ", and ", "lives in "+home)
	}
	bio := between(who, " ", is) + "."
	o := p.Occupation()
	job := between(plain(o.Title), ", ", plain(o.Organization))
	if job == "" {
		job = plain(o.Description)
	}
	if job != "" {
		bio += " Occupation: " + job + "."
	}
	return bio
}

// plain is a text on one line, without a full stop at its end.
func plain(s string) string {
	return strings.TrimRight(strings.Join(strings.Fields(s), " "), ". ")
}

// between joins two texts, of which either may be empty.
func between(a, sep, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + sep + b
}
