package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/studio/definition"
	"usher/internal/studio/engine"
)

// object is a JSON object.
type object = map[string]any

// widget is a widget of a flow; next is pairs of an event and where it leads.
func widget(name, kind string, properties object, next ...string) object {
	transitions := make([]object, 0, len(next)/2)
	for i := 0; i < len(next); i += 2 {
		transitions = append(transitions, object{"event": next[i], "next": next[i+1]})
	}
	return object{"name": name, "type": kind, "properties": properties, "transitions": transitions}
}

func flowText(states ...object) string {
	text, _ := json.Marshal(object{"description": "bench", "initial_state": "Trigger", "states": states}) //nolint:errchkjson // plain values
	return string(text)
}

// stepsInARow is how many pairs of a split and a variable the measured flow goes through.
const stepsInARow = 100

// steps times the pure stepping of a flow: splits and variables with templates, in a context that grows with every step.
func (b *bench) steps(context.Context) error {
	states := []object{widget("Trigger", "trigger", object{}, "incomingMessage", "split0")}
	for i := range stepsInARow {
		split := widget("split"+strconv.Itoa(i), "split-based-on", object{"input": "{{trigger.message.Body | downcase}}"}, "noMatch", "Trigger")
		split["transitions"] = append(split["transitions"].([]object), object{
			"event": "match", "next": "set" + strconv.Itoa(i), "conditions": []object{{
				"friendly_name": "asks", "type": "contains", "value": "order", "arguments": []string{"{{trigger.message.Body | downcase}}"},
			}},
		})
		states = append(states, split, widget("set"+strconv.Itoa(i), "set-variables", object{
			"variables": []object{{"key": "v" + strconv.Itoa(i), "value": "{{trigger.message.From}} {{flow.variables.v0 | default: 'none'}}"}},
		}, "next", "split"+strconv.Itoa(i+1)))
	}
	def, problems := definition.Parse([]byte(flowText(append(states, widget("split"+strconv.Itoa(stepsInARow), "set-variables", object{"variables": []object{}}))...)))
	if def == nil {
		return fmt.Errorf("the flow has %d mistakes", len(problems))
	}
	start := engine.Start{Trigger: engine.IncomingMessage, Data: object{"Body": "Where is my Order?", "From": "ada", "Index": 0}}
	var all []float64
	for range 20 * b.rounds {
		begin := time.Now()
		_, _, list := engine.Step(def, engine.Execution{SID: "FN0", FlowSID: "FW0", Revision: 1, Contact: "ada"}, start, begin)
		if len(list) < 2*stepsInARow {
			return fmt.Errorf("only %d steps were made", len(list))
		}
		all = append(all, float64(time.Since(begin).Microseconds())/float64(len(list)))
	}
	cost := median(all)
	b.add("step of a Studio flow, with a template, without effects", f2(cost)+" µs", "", "", "≤ 200 µs", cost <= 200)
	return nil
}

// Sizes of the waiting: how many customers a bot has asked something.
const (
	waitingMany = 100_000
	waitingFew  = 1_000
	resumed     = 300
)

// waiting measures what executions that wait for a reply cost: nothing, and no more when one of them goes on.
func (b *bench) waiting(ctx context.Context) error {
	var resume, idle [2]float64
	for i, n := range []int{waitingFew, waitingMany} {
		var err error
		if resume[i], idle[i], err = b.ask(ctx, n); err != nil {
			return err
		}
	}
	b.add("waiting executions at 100,000, processor time while nothing happens (bound: at 1,000)", f2(idle[1])+" ms/s", f2(idle[0])+" ms/s", "", "≤ 5 ms/s", idle[1] <= 5)
	b.add("reply to an answer at 100,000 waiting, p50 (bound: at 1,000)", f2(resume[1])+" ms", f2(resume[0])+" ms", f2(resume[1]/resume[0]), "≤ 1.3", resume[1] <= 1.3*resume[0])
	return nil
}

// ask lets n customers be asked by a bot. It answers the median time in milliseconds from an answer to the next question, and the
// processor time in milliseconds that a second of waiting takes.
func (b *bench) ask(ctx context.Context, n int) (resume, idle float64, err error) {
	dir, err := os.MkdirTemp(b.dir, "usher-")
	if err != nil {
		return 0, 0, err
	}
	p, err := b.usher(ctx, dir)
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	if err := p.bot(ctx); err != nil {
		return 0, 0, err
	}
	paths, err := p.doors(ctx, n)
	if err != nil {
		return 0, 0, err
	}
	err = parallel(64, n, func(i int) error {
		_, err := p.api(ctx, "POST", paths[i], url.Values{"Body": {"Hello"}, "From": {who(i, 0)}})
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	rows, err := openRows(ctx, dir)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = rows.Close() }()
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		jobs, err := count(ctx, rows, "job where queue = 'flowrun.timer'")
		if err != nil {
			return 0, 0, err
		}
		// What the bot said is looked at, too, by jobs of their own.
		others, err := count(ctx, rows, "job where queue <> 'flowrun.timer'")
		if err != nil {
			return 0, 0, err
		}
		if jobs >= n && others == 0 {
			break
		}
		if time.Since(begin) > 5*time.Minute {
			return 0, 0, fmt.Errorf("%d of %d executions wait", jobs, n)
		}
	}
	time.Sleep(3 * time.Second) // what the load has left behind: relays, checkpoints, garbage
	before, err := p.processor()
	if err != nil {
		return 0, 0, err
	}
	const quiet = 5 * time.Second
	time.Sleep(quiet)
	after, err := p.processor()
	if err != nil {
		return 0, 0, err
	}
	resume, err = p.answers(ctx, paths)
	return resume, float64((after - before).Milliseconds()) / quiet.Seconds(), err
}

// bot puts a flow behind the web that asks, and asks again.
func (p *process) bot(ctx context.Context) error {
	flow, err := p.webFlow(ctx)
	if err != nil {
		return err
	}
	ask := object{
		"service": "{{trigger.message.InstanceSid}}", "channel": "{{trigger.message.ChannelSid}}", "from": "Bot", "body": "What else?", "timeout": "86400",
	}
	text := flowText(
		widget("Trigger", "trigger", object{}, "incomingMessage", "ask"),
		widget("ask", "send-and-wait-for-reply", ask, "incomingMessage", "ask"),
	)
	made, err := p.api(ctx, "POST", "/studio/v2/Flows", url.Values{"FriendlyName": {"bot"}, "Status": {"published"}, "Definition": {text}})
	if err != nil {
		return err
	}
	_, err = p.api(ctx, "POST", "/flex-api/v1/FlexFlows/"+flow["sid"].(string), url.Values{
		"IntegrationType": {"studio"}, "Integration.FlowSid": {made["sid"].(string)},
	})
	return err
}

// answers lets customers answer one after the other, and waits each time until the bot has asked again.
func (p *process) answers(ctx context.Context, paths []string) (float64, error) {
	var all []time.Duration
	for k := range resumed {
		i := k * len(paths) / resumed
		begin := time.Now()
		sent, err := p.api(ctx, "POST", paths[i], url.Values{"Body": {"More"}, "From": {who(i, 0)}})
		if err != nil {
			return 0, err
		}
		for {
			answer, err := p.api(ctx, "GET", paths[i]+"?Order=desc&PageSize=1", nil)
			if err != nil {
				return 0, err
			}
			list, _ := answer["messages"].([]any)
			if len(list) > 0 && list[0].(map[string]any)["index"].(float64) > sent["index"].(float64) {
				break
			}
			if time.Since(begin) > time.Minute {
				return 0, errors.New("the bot does not answer")
			}
		}
		all = append(all, time.Since(begin))
	}
	slices.Sort(all)
	return quantile(all, 0.5), nil
}

// processor is the time that the process has spent on processors.
func (p *process) processor() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("no processor time")
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil // USER_HZ is 100 on every Linux that Go runs on
}
