// Package compat says which operations of the products answer, by asking the running program, and keeps the table in
// docs/compatibility.md true. With -update it writes the table.
package compat

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"usher/test/ops"
	"usher/test/rig"
)

var update = flag.Bool("update", false, "write the table into docs/compatibility.md")

const (
	page  = "../../docs/compatibility.md"
	begin = "<!-- operations: written by make compat -->\n"
	end   = "<!-- end of operations -->\n"
)

func TestOperations(t *testing.T) {
	s := rig.Start(t, rig.Options{})
	list, err := ops.All()
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]bool{}
	for _, o := range list {
		answers[o.Product+" "+o.Name] = mounted(t, s, o)
	}
	called(t, s, list, answers)

	want := begin + "\n" + table(list, answers) + "\n" + end
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := bytes.Cut(text, []byte(begin))
	old, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok1 || !ok2 {
		t.Fatalf("%s has lost the lines %q and %q", page, begin, end)
	}
	if *update {
		if err := os.WriteFile(page, slices.Concat(before, []byte(want), after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if begin+string(old)+end != want {
		t.Errorf("%s does not say what the program answers; run make compat", page)
	}
}

// mounted asks without credentials: an operation that is there asks for them, one that is not is not found.
func mounted(t *testing.T, s *rig.Server, o ops.Operation) bool {
	t.Helper()
	values := make([]string, o.Depth())
	for i := range values {
		values[i] = ops.Nobody("XX")
	}
	a, err := s.As("", "").Call(t.Context(), o.Method, o.Fill(values), nil)
	if err != nil {
		t.Fatal(err)
	}
	switch a.Status {
	case http.StatusUnauthorized:
		return true
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return false
	}
	t.Errorf("%s %s without credentials answers %d %s", o.Method, o.Path, a.Status, a.Text)
	return false
}

// called calls what is mounted on real objects: nothing may be missing or break.
func called(t *testing.T, s *rig.Server, list []ops.Operation, answers map[string]bool) {
	t.Helper()
	client := s.Client()
	world := ops.Build(t, client, s.AccountSID)
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b ops.Operation) int {
		return cmp.Or(
			cmp.Compare(turn(a), turn(b)),
			cmp.Compare(b.Depth(), a.Depth()),
			-cmp.Compare(strings.Count(a.Product, "flex"), strings.Count(b.Product, "flex")),
		)
	})
	for _, o := range sorted {
		if !answers[o.Product+" "+o.Name] {
			continue
		}
		a, err := client.Call(t.Context(), o.Method, o.Fill(world.Values(o)), rig.Form(world.Body(o)...))
		if err != nil {
			t.Fatalf("%s %s: %v", o.Method, o.Path, err)
		}
		if a.Status == http.StatusNotFound && shadowed(o, list) {
			answers[o.Product+" "+o.Name] = false
			continue
		}
		if a.Status >= 500 || a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed {
			t.Errorf("%s %s %s on a real object answers %d %s", o.Product, o.Method, o.Path, a.Status, a.Text)
		}
		if o.Method == http.MethodGet && a.Status != http.StatusOK {
			t.Errorf("%s %s %s answers %d %s", o.Product, o.Method, o.Path, a.Status, a.Text)
		}
	}
}

// shadowed says whether the path also reads as another operation's, with the last word taken for a SID: Workers/Statistics
// as Workers/{Sid}. Only a call can tell then whether the operation itself is there.
func shadowed(o ops.Operation, list []ops.Operation) bool {
	own := strings.Split(o.Path, "/")
	return slices.ContainsFunc(list, func(other ops.Operation) bool {
		parts := strings.Split(other.Path, "/")
		if other.Product != o.Product || other.Method != o.Method || other.Path == o.Path || len(parts) != len(own) {
			return false
		}
		for i, part := range parts {
			if part != own[i] && !strings.HasPrefix(part, "{") {
				return false
			}
		}
		return true
	})
}

// turn puts reading before changing and removing last, so that nothing is missing when its turn comes.
func turn(o ops.Operation) int { return slices.Index([]string{"GET", "POST", "DELETE"}, o.Method) }

var titles = []struct{ product, title string }{
	{"chat", "Programmable Chat v2 (`/chat/v2`, `/ip-messaging/v2`)"},
	{"flex-api", "Flex v1 (`/flex-api/v1`)"},
	{"taskrouter", "TaskRouter v1 (`/taskrouter/v1`)"},
	{"api", "Accounts, keys and messages (`/api/2010-04-01`, `/2010-04-01`)"},
	{"messaging", "Messaging services v1 (`/messaging/v1`)"},
	{"studio", "Studio v2 (`/studio/v2`)"},
	{"proxy", "Proxy v1 (`/proxy/v1`)"},
}

func table(list []ops.Operation, answers map[string]bool) string {
	var b strings.Builder
	b.WriteString("| product | answer | of |\n| --- | ---: | ---: |\n")
	for _, p := range titles {
		yes, all := count(list, answers, p.product)
		fmt.Fprintf(&b, "| %s | %d | %d |\n", p.title, yes, all)
	}
	for _, p := range titles {
		if yes, _ := count(list, answers, p.product); yes == 0 {
			fmt.Fprintf(&b, "\n### %s\n\nNone yet.\n", p.title)
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n| operation | method and path | answers |\n| --- | --- | --- |\n", p.title)
		for _, o := range list {
			if o.Product == p.product {
				word := map[bool]string{true: "yes", false: "no"}[answers[o.Product+" "+o.Name]]
				fmt.Fprintf(&b, "| %s | `%s %s` | %s |\n", o.Name, o.Method, o.Path, word)
			}
		}
	}
	return b.String()
}

func count(list []ops.Operation, answers map[string]bool, product string) (yes, all int) {
	for _, o := range list {
		if o.Product != product {
			continue
		}
		all++
		if answers[o.Product+" "+o.Name] {
			yes++
		}
	}
	return yes, all
}
