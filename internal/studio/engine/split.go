package engine

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/studio/definition"
)

// split tries every match in the order of the list and takes the first that
// holds; noMatch comes last, wherever it stands. A match with several conditions
// holds when all of them do.
func split(r *run, s *definition.State) outcome {
	input, rendered := "", false
	for _, t := range s.Transitions {
		if t.Event != "match" {
			continue
		}
		holds := len(t.Conditions) > 0
		for _, c := range t.Conditions {
			var subject string
			switch {
			case len(c.Arguments) > 0:
				subject = r.render(c.Arguments[0])
			case rendered:
				subject = input
			default:
				input, rendered = r.render(s.Text("input")), true
				subject = input
			}
			if !compare(c.Type, subject, r.render(c.Value)) {
				holds = false
				break
			}
		}
		if holds {
			return outcome{event: "match", next: t.Next, chose: true}
		}
	}
	return leave("noMatch")
}

// compare applies one of the 17 operators. Case and white space around do not
// count, as the original documents.
func compare(operator, subject, value string) bool {
	subject, value = strings.TrimSpace(subject), strings.TrimSpace(value)
	s, v := strings.ToLower(subject), strings.ToLower(value)
	switch operator {
	case "equal_to":
		return s == v
	case "not_equal_to":
		return s != v
	case "matches_any_of":
		return slices.Contains(list(v), s)
	case "does_not_match_any_of":
		return !slices.Contains(list(v), s)
	case "contains":
		return strings.Contains(s, v)
	case "does_not_contain":
		return !strings.Contains(s, v)
	case "starts_with":
		return strings.HasPrefix(s, v)
	case "does_not_start_with":
		return !strings.HasPrefix(s, v)
	case "is_blank":
		return s == ""
	case "is_not_blank":
		return s != ""
	case "regex":
		re, err := regexp.Compile(`(?is)\A(?:` + value + `)\z`)
		return err == nil && re.MatchString(subject)
	case "less_than", "greater_than":
		a, errA := strconv.ParseFloat(s, 64)
		b, errB := strconv.ParseFloat(v, 64)
		return errA == nil && errB == nil && (operator == "less_than" && a < b || operator == "greater_than" && a > b)
	case "is_before_date", "is_after_date":
		return ordered(subject, value, dates, operator == "is_before_date")
	case "is_before_time", "is_after_time":
		return ordered(subject, value, times, operator == "is_before_time")
	}
	return false
}

// list reads a value such as "Hours, Parking".
func list(v string) []string {
	parts := strings.Split(v, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

var (
	dates = []string{time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04", "01/02/2006", time.RFC1123Z}
	times = []string{"15:04", time.TimeOnly, "3:04 PM", "3:04PM", time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime}
)

// ordered compares days, or times of day; what is neither matches nothing.
func ordered(subject, value string, layouts []string, before bool) bool {
	a, okA := parse(subject, layouts)
	b, okB := parse(value, layouts)
	if !okA || !okB {
		return false
	}
	if before {
		return a < b
	}
	return a > b
}

// parse reads a day or a time of day as a text that sorts.
func parse(s string, layouts []string) (string, bool) {
	for _, layout := range layouts {
		t, err := time.Parse(layout, strings.ToUpper(s))
		if err != nil {
			continue
		}
		if layouts[0] == time.DateOnly {
			return t.Format(time.DateOnly), true
		}
		return t.Format(time.TimeOnly), true
	}
	return "", false
}
