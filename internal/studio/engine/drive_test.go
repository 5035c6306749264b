package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/studio/definition"
)

// TestCorpus runs the flows of a folder of real exports, named by USHER_CORPUS,
// with messages that lead somewhere or nowhere.
func TestCorpus(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("USHER_CORPUS")
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if folder == "" || err != nil || len(files) == 0 {
		t.Skip("USHER_CORPUS names no folder with flows")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d, problems := definition.Parse(raw)
			if len(problems) > 0 {
				if !strings.Contains(file, "invalid") {
					t.Error(problems)
				}
				return
			}
			for seed := range 50 {
				drive(t, d, []byte(fmt.Sprint(seed*7919, "abcdefghijklmnopqrstuvwxyz", seed)))
			}
		})
	}
}

// drive steps an execution with inputs made of bytes until it ends, and checks
// what holds for all of them.
func drive(t *testing.T, d *definition.Definition, choices []byte) {
	t.Helper()
	now := start
	ex := fresh()
	triggers := []string{IncomingMessage, IncomingConversationMessage, IncomingRequest, IncomingParent}
	bodies := []string{"1", "yes", "Hours", "x\"{{y}}", "", "2", "Existing", "no"}
	for i, c := range choices {
		var in Input = Start{Trigger: triggers[int(c)%4], Data: chat(bodies[c%8])}
		if ex.Wait != nil {
			now = now.Add(time.Second)
			switch ex.Wait.For {
			case ForMessage:
				in = says(bodies[c%8])
			case ForSent:
				in = Sent{Token: ex.Wait.Token, SID: "IM1", Code: int(c % 2)}
			case ForHTTP:
				in = HTTPDone{Token: ex.Wait.Token, Status: 199 + int(c%3), ContentType: "application/json", Body: `{"text":"` + fmt.Sprint(c) + `","records":[{"Id":1}]}`}
			case ForTask:
				in = TaskDone{Token: ex.Wait.Token, Event: []string{CallComplete, FailedToEnqueue, CallFailure}[c%3]}
			case ForSubflow:
				in = SubflowDone{Token: ex.Wait.Token, Event: []string{Completed, Failed}[c%2]}
			case ForTwiML:
				in = Returned{Token: ex.Wait.Token, Err: []string{"", "x"}[c%2], Away: c%5 == 0}
			case ForReturn:
				in = says(bodies[c%8])
			case ForAnswer:
				in = Consulted{Token: ex.Wait.Token, Text: []string{"", "So?"}[c%2], HandOff: c%5 == 0, Done: c%7 == 0, Err: []string{"", "", "x"}[c%3]}
			}
			if c%11 == 0 && !ex.Wait.Until.IsZero() {
				in, now = Timeout{}, ex.Wait.Until
			}
		}
		before := ex.Count
		next, effects, steps := Step(d, ex, in, now)
		if next.Ended == (next.Wait != nil) || next.Count-before != len(steps) {
			t.Fatalf("%d: ended %v, wait %v, %d steps, %d counted", i, next.Ended, next.Wait, len(steps), next.Count-before)
		}
		ends := slices.ContainsFunc(effects, func(e Effect) bool { _, ok := e.(End); return ok })
		if ends != next.Ended || next.Ended && steps[len(steps)-1].To != definition.Ended {
			t.Fatalf("%d: the end is told %v, steps %+v", i, ends, steps)
		}
		for j := range steps[:max(0, len(steps)-1)] {
			if steps[j].To != steps[j+1].From {
				t.Fatalf("%d: steps do not join: %+v", i, steps)
			}
		}
		ex = Execution{}
		if err := json.Unmarshal([]byte(toJSON(next)), &ex); err != nil {
			t.Fatal(err)
		}
		if ex.Ended {
			return
		}
	}
}

func FuzzStep(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for i, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, []byte(fmt.Sprint("abcdefgh", i)))
	}
	f.Fuzz(func(t *testing.T, raw, choices []byte) {
		d, problems := definition.Parse(raw)
		if len(problems) == 0 && len(choices) < 100 {
			drive(t, d, choices)
		}
	})
}

// BenchmarkStep is a customer's answer in a menu: a wait that ends, two splits'
// worth of conditions, a message rendered. A step may take 200 µs.
func BenchmarkStep(b *testing.B) {
	for name, body := range map[string]string{"menu to message": "hours", "menu to task": "support"} {
		b.Run(name, func(b *testing.B) {
			d := load(b, "menu")
			ex, _, _ := Step(d, fresh(), first("Hi"), start)
			b.ReportAllocs()
			for b.Loop() {
				if _, effects, _ := Step(d, ex, says(body), start); len(effects) != 1 {
					b.Fatal(effects)
				}
			}
		})
	}
	b.Run("default flow", func(b *testing.B) {
		d := load(b, "webchat_flow")
		for b.Loop() {
			Step(d, fresh(), first("Hi"), start)
		}
	})
	b.Run("with its JSON", func(b *testing.B) { // as a row keeps it
		d := load(b, "menu")
		ex, _, _ := Step(d, fresh(), first("Hi"), start)
		raw := []byte(toJSON(ex))
		for b.Loop() {
			var ex Execution
			if err := json.Unmarshal(raw, &ex); err != nil {
				b.Fatal(err)
			}
			next, _, _ := Step(d, ex, says("hours"), start)
			if _, err := json.Marshal(next); err != nil {
				b.Fatal(err)
			}
		}
	})
}
