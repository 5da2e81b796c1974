package rehearsal

import (
	"regexp"
	"strings"
)

// What people who do not exist yet are made of.
var (
	firstNames  = strings.Fields("Anna Ben Clara David Elena Frank Grace Henry Irene James Karen Louis Maria Nathan Olivia Peter Rosa Samuel Teresa Victor Wendy Adam Beatrice Carlos Diana Edward Fiona George Hannah Ivan Julia Kevin Laura Martin Nora Oliver Paula Robert Sofia Thomas Amina Chen Farah Hiro Ines Jamal Kofi Leila Mei Omar Priya Ravi Sana Tariq Yuki Zara")
	lastNames   = strings.Fields("Abbott Baker Castillo Dawson Ellis Fischer Garcia Hughes Ito Jensen Keller Lopez Morgan Nguyen Olsen Parker Quinn Rossi Silva Turner Ueda Vargas Walsh Young Zhang Almeida Brandt Costa Duarte Evans Fraser Grant Haddad Iqbal Johnson Kumar Larsen Mendes Novak Okafor Patel Reyes Schmidt Tanaka Weber Osei Petrov Marino Lindqvist Cohen")
	cities      = strings.Split("Denver, Colorado|Leeds, England|Lyon, France|Porto, Portugal|Austin, Texas|Ghent, Belgium|Curitiba, Brazil|Bergen, Norway|Pune, India|Osaka, Japan|Tampa, Florida|Columbus, Ohio", "|")
	nations     = strings.Fields("American British French Portuguese Brazilian Norwegian Indian Japanese German Spanish Mexican Canadian")
	jobs        = strings.Split("nurse|primary school teacher|electrician|accountant|bus driver|software developer|shop manager|graphic designer|cook|librarian|civil engineer|physiotherapist|farmer|journalist|hairdresser|warehouse worker", "|")
	places      = strings.Split("a city hospital|a small family firm|a public school|a logistics company|a regional bank|a design studio|the town council|a technology company", "|")
	schools     = strings.Split("Finished secondary school and learned on the job.|Has a degree from a state university.|Trained at a technical college.|Studied for two years and left to work.|Has a master's degree.", "|")
	pastimes    = strings.Split("Cooking|Hiking|Gardening|Football|Reading crime novels|Photography|Board games|Running|Old films|Jazz|Camping|Knitting|Cycling|Home repairs|Birdwatching|Travel", "|")
	pleasures   = strings.Split("Fresh bread|Long walks|Quiet mornings|Live music|Meals with friends|Clear instructions|A good bargain|Dogs|The sea|Strong coffee|Well-made tools|Comedy", "|")
	annoyances  = strings.Split("Loud restaurants|Waiting in line|Hidden fees|Being interrupted|Cold weather|Small print|Crowded trains|Late replies|Bad coffee|Spam calls", "|")
	convictions = strings.Split("Hard work pays off in the end.|People should help their neighbours.|Technology should make life simpler.|Health comes before money.|Children need time more than things.|You get what you pay for.|Nature must be protected.|Honesty is worth the trouble.", "|")
	abilities   = strings.Split("Calming people down|Fixing small machines|Planning a budget|Speaking Spanish|Explaining difficult things|Keeping accounts|Baking|Organising events|Writing clear letters|Driving in any weather", "|")
	aims        = strings.Split("To buy a small house.|To learn another language.|To see more of the world.|To open a business of one's own.|To spend more time with the family.|To run a half-marathon.|To retire early.|To finish a degree.", "|")
	characters  = strings.Split("Patient and hard to rush.|Curious about how things work.|Careful with money.|Quick to laugh.|Shy with strangers.|Direct, sometimes too direct.|Reliable and punctual.|Easily bored.|Generous with time.|Sceptical of promises.", "|")
	habits      = strings.Split("Gets up at six and makes coffee.|Reads the news on the phone.|Walks to work when it is dry.|Cooks for the whole week on Sundays.|Calls a sister every evening.|Goes to bed before eleven.|Compares prices before buying.|Plays football on Saturdays.", "|")
	healths     = strings.Split("In good health.|Has a bad back and does exercises for it.|Healthy, with an allergy to nuts.|Wears glasses and sleeps badly.", "|")
	manners     = strings.Split("Speaks plainly and briefly.|Tells long stories and laughs at them.|Polite and a little formal.|Blunt, with dry humour.|Warm, asks many questions.", "|")
	duties      = strings.Split("Does what the trade asks for and trains newcomers.|Deals with people all day.|Plans the week and answers for the results.|Works in shifts with a small team.|Looks after regular customers.", "|")
	genders     = strings.Fields("female male female male female male non-binary")
	organs      = strings.Split("Low. Keeps to what is known.|Medium. Depends on the day.|High. It shows in most things.", "|")
	vocabulary  = []struct {
		name *regexp.Regexp
		pool []string
	}{
		{regexp.MustCompile(`nationality|^country`), nations},
		{regexp.MustCompile(`residence|city|town|location|^home$|address`), cities},
		{regexp.MustCompile(`^title$|occupation|profession|job`), jobs},
		{regexp.MustCompile(`organi[sz]ation|employer|company`), places},
		{regexp.MustCompile(`education|school|degree`), schools},
		{regexp.MustCompile(`dislike|annoy`), annoyances},
		{regexp.MustCompile(`interest|hobb|pastime`), pastimes},
		{regexp.MustCompile(`like|preference`), pleasures},
		{regexp.MustCompile(`belief|value|opinion`), convictions},
		{regexp.MustCompile(`skill|abilit`), abilities},
		{regexp.MustCompile(`goal|aim`), aims},
		{regexp.MustCompile(`openness|conscientious|extraver|agreeable|neurotic`), organs},
		{regexp.MustCompile(`trait|personality|character`), characters},
		{regexp.MustCompile(`routine|behavio|habit|morning|evening|workday|weekend|general`), habits},
		{regexp.MustCompile(`health`), healths},
		{regexp.MustCompile(`style|manner|tone`), manners},
		{regexp.MustCompile(`gender|^sex$`), genders},
		{regexp.MustCompile(`^description$`), duties},
		{regexp.MustCompile(`fact|background|detail`), habits},
	}
)

// invent is a text for a request that shows neither a persona nor a transcript: a
// value given in the prompt under the same name, something usual for that name, or
// a sentence about what is asked.
func (b *brain) invent(g *generator, at place) string {
	text := strings.Join(b.p.user, "\n")
	if v := givenIn(text, at.name); v != "" && g.attempt == 0 {
		return v
	}
	n := int(hash(b.seed, "invent", text, b.p.system, b.draw, strings.TrimRight(at.path, "/0123456789")) % 100003)
	if whoName.MatchString(at.name) {
		for i := range len(firstNames) * 3 {
			f := firstNames[(n+at.index+i)%len(firstNames)]
			l := lastNames[(n/7+at.index+i)%len(lastNames)]
			if s := f + " " + l; !strings.Contains(text+b.p.system, s) {
				return s
			}
		}
	}
	for _, v := range vocabulary {
		if v.name.MatchString(at.name) {
			for _, s := range v.pool {
				if len(s) > 3 && at.index == 0 && strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
					return s
				}
			}
			return v.pool[(n+at.index)%len(v.pool)]
		}
	}
	about := b.subject(b.p.question, "")
	if at.ask != "" && count(at.ask) <= 4 && about != "this" {
		return b.sentence(at.index, n, "The "+at.ask+" has to do with "+about+".", "As for the "+at.ask+", it comes back to "+about+".", "It is about "+about+".")
	}
	if about != "this" {
		return b.sentence(at.index, n, "It is about "+about+".", "Much depends on "+about+".", "There is more to "+about+" than it seems.")
	}
	return b.sentence(at.index, n, "There is little to go by here.", "It is hard to say.", "The text does not tell.")
}

func (b *brain) sentence(index, n int, pool ...string) string {
	return first(b.pick("sentence", rotate(pool, n+index)...), pool[(n+index)%len(pool)])
}

// givenIn finds a value that the prompt gives under a name, as JSON or as a line.
func givenIn(text, name string) string {
	if len(name) < 3 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	re := regexp.MustCompile(`(?im)(?:"` + name + `"\s*:\s*"?((?:[^"\\,{}\[\]]|\\.){1,200}?)["\n,}]|^[-*\s]*` + strings.ReplaceAll(name, "_", "[ _]") + `\s*: +([^\n{}\[\]]{1,120})$)`)
	if m := re.FindStringSubmatch(text); m != nil {
		return strings.TrimSpace(strings.ReplaceAll(first(m[1], m[2]), `\"`, `"`))
	}
	return ""
}
