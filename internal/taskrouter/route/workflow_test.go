package route

import (
	"errors"
	"strings"
	"testing"
)

func queuesNamed(names ...string) Queues {
	return func(ref string) (int64, bool) {
		for i, n := range names {
			if n == ref {
				return int64(i + 1), true
			}
		}
		return 0, false
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	w, err := Compile(`{
	  "task_routing": {
	    "filters": [
	      {"filter_friendly_name": "Gold", "expression": "customer_value == 'Gold'", "targets": [
	        {"queue": "q1", "priority": "5", "timeout": 30, "expression": "task.language IN worker.languages", "skip_if": "workers.available == 0"},
	        {"order_by": "worker.level DESC, cost"},
	        {"queue": "q2", "known_worker_sid": "task.owner.sid"}]},
	      {"friendly_name": "Old form", "expression": "type == 'old'", "queue": "q2"},
	      {"expression": "", "targets": [{"task_queue_sid": "q1"}]}
	    ],
	    "default_filter": {"queue": "q2", "future": {"anything": [1, null]}}
	  }
	}`, queuesNamed("q1", "q2"))
	if err != nil {
		t.Fatal(err)
	}
	gold := w.Filters[0]
	if first := gold.Targets[0]; first.Queue != 1 || first.Priority != 5 || first.Timeout != 30*second || first.When == nil || first.Skip == nil {
		t.Errorf("first target %+v", first)
	}
	if inherits := gold.Targets[1]; inherits.Queue != 1 || inherits.Priority != Unset || len(inherits.Order) != 2 || !inherits.Order[0].Desc || inherits.Order[1].Desc {
		t.Errorf("second target %+v", inherits)
	}
	if !gold.Targets[2].hasKnown() || !w.NeedsTask() || !w.Uses(2) || w.Uses(3) {
		t.Error("the known worker or the queues were not understood")
	}
	if old := w.Filters[1]; len(old.Targets) != 1 || old.Targets[0].Queue != 2 || old.Targets[0].When != nil {
		t.Errorf("a filter with a queue of its own: %+v", old)
	}
	for attrs, want := range map[string]int{"Gold": 0, "Silver": 2} {
		if got, ok := w.Match(TaskEnv{Attributes: map[string]any{"customer_value": attrs}}); !ok || got != want {
			t.Errorf("%s goes to filter %d", attrs, got)
		}
	}
	if w.Filter(7) != nil || w.Filter(DefaultFilter) != w.Default {
		t.Error("filters by index")
	}
}

func TestCompile_mistakes(t *testing.T) {
	t.Parallel()
	in := func(filters string) string { return `{"task_routing":{"filters":[` + filters + `]}}` }
	for _, c := range []struct{ name, src, pointer, at, text string }{
		{"nothing", ``, "", "", "ends too early"},
		{"cut off", `{"task_routing":`, "", "", "ends too early"},
		{"missing comma", `{"a": "b" "c": 1}`, "", `"c"`, "not JSON"},
		{"more", `{"task_routing":{}} x`, "", " x", "after the document"},
		{"array", `[]`, "", "[", "object"},
		{"other document", `{"filters":[]}`, "", "{", "task_routing is missing"},
		{"routing", `{"task_routing": 5}`, "/task_routing", "5", "object"},
		{"filters", `{"task_routing":{"filters":{}}}`, "/task_routing/filters", "{}", "array"},
		{"filter", in(`7`), "/task_routing/filters/0", "7", "object"},
		{"no queue", in(`{"targets":[{}]}`), "/task_routing/filters/0/targets/0", "{}", "must name a queue"},
		{"unknown queue", in(`{"targets":[{"queue":"WQ1"}]}`), "/task_routing/filters/0/targets/0/queue", `"WQ1"`, `"WQ1" does not exist`},
		{"expression", in(`{"expression":"a ==","targets":[{"queue":"q"}]}`), "/task_routing/filters/0/expression", `"a =="`, "character 4"},
		{"expression's type", in(`{"expression":true}`), "/task_routing/filters/0/expression", "true", "string"},
		{"timeout", in(`{"targets":[{"queue":"q"},{"timeout":-1}]}`), "/task_routing/filters/0/targets/1/timeout", "-1", "between 0"},
		{"priority", in(`{"targets":[{"queue":"q","priority":1.5}]}`), "/task_routing/filters/0/targets/0/priority", "1.5", "whole number"},
		{"order", in(`{"targets":[{"queue":"q","order_by":"worker.level UP"}]}`), "/task_routing/filters/0/targets/0/order_by", `"worker.level UP"`, "ASC or DESC"},
		{"order's name", in(`{"targets":[{"queue":"q","order_by":"le-vel ASC"}]}`), "/task_routing/filters/0/targets/0/order_by", `"le-vel ASC"`, "not the name"},
		{"known", in(`{"targets":[{"queue":"q","known_worker_sid":"task.a-b"}]}`), "/task_routing/filters/0/targets/0/known_worker_sid", `"task.a-b"`, "not the name"},
		{"default", `{"task_routing":{"default_filter":{}}}`, "/task_routing/default_filter", "{}", "no queue"},
		{"deep", `{"task_routing":` + strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40) + `}`, "*", "", "deeply"},
	} {
		_, err := Compile(c.src, queuesNamed("q"))
		var m *Mistake
		if !errors.As(err, &m) {
			t.Errorf("%s: %v is no mistake", c.name, err)
			continue
		}
		if m.Pointer != c.pointer && c.pointer != "*" || !strings.Contains(m.Text, c.text) || !strings.HasPrefix(c.src[min(int(m.Offset), len(c.src)):], c.at) {
			t.Errorf("%s: %s, which points at %q", c.name, err, c.src[min(int(m.Offset), len(c.src)):])
		}
	}
}
