package route

import (
	"errors"
	"strings"
	"testing"
)

// FuzzCompile: whatever is sent as a configuration is compiled or refused with a place inside of it.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `{"task_routing":{}}`, `{"task_routing":{"filters":[]}}`, `{"task_routing":{"default_filter":{"queue":"q"}}}`,
		`{"task_routing":{"filters":[{"filter_friendly_name":"a","expression":"x == 'y' AND n > 1","targets":[` +
			`{"queue":"q","expression":"task.lang IN worker.langs","priority":"5","timeout":30,"order_by":"worker.level DESC, n",` +
			`"skip_if":"workers.available == 0","known_worker_sid":"task.worker"}]}],"default_filter":{"task_queue_sid":"q"}}}`,
		`{"task_routing":{"filters":[{"expression":"((("}]}}`, `{"task_routing":{"filters":[{"targets":[{"queue":"q","priority":1e999}]}]}}`,
		strings.Repeat(`{"a":`, 40), strings.Repeat("[", 10_000), `{"task_routing":` + "\xff" + `}`, "{\"a~/\x00\":1}", `{"a":1,"a":{"b":2}} x`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		w, err := Compile(src, func(ref string) (int64, bool) { return 7, ref == "q" })
		if err == nil {
			if w == nil {
				t.Fatal("neither a workflow nor a mistake")
			}
			return
		}
		var m *Mistake
		if !errors.As(err, &m) {
			t.Fatalf("%v is no mistake with a place", err)
		}
		if m.Offset < 0 || m.Offset > int64(len(src)) || m.Text == "" {
			t.Errorf("the place of %q is outside of %d bytes", err, len(src))
		}
	})
}
