// Package test holds the tests of the tree as a whole: what may import what, how large things may grow, and what must
// never appear in it. docs/ARCHITECTURE.md gives the reasons.
package test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// floors lists what stands where. A package imports only from lower floors.
var floors = [][]string{
	0: {"internal/sid", "internal/fault", "internal/attr", "internal/expr", "internal/loop", "internal/retry", "internal/segment", "internal/pace", "web"},
	1: {"internal/db", "internal/seal", "internal/job", "internal/event", "internal/bus", "internal/blob"},
	2: {
		"internal/account", "internal/chat", "internal/flex", "internal/taskrouter", "internal/studio", "internal/proxy",
		"internal/messaging", "internal/hook", "internal/media",
	},
	3: {"internal/inbound", "internal/outbound", "internal/texting", "internal/flowrun", "internal/handoff", "internal/janitor", "internal/notify", "internal/push", "internal/masking"},
	4: {"internal/rest", "internal/realtime", "internal/connector", "internal/signin", "internal/page"},
	5: {"internal/app"},
	6: {"cmd"},
}

// sameFloor lists the imports inside a floor that the architecture allows.
var sameFloor = map[string][]string{
	"internal/loop":       {"internal/retry"},
	"internal/event":      {"internal/job", "internal/db", "internal/seal", "internal/bus"},
	"internal/job":        {"internal/db", "internal/seal", "internal/bus"},
	"internal/db":         {"internal/seal"},
	"internal/blob":       {"internal/db"},
	"internal/chat":       {"internal/account", "internal/media"},
	"internal/media":      {"internal/account"},
	"internal/flex":       {"internal/account"},
	"internal/taskrouter": {"internal/account"},
	"internal/studio":     {"internal/account"},
	"internal/proxy":      {"internal/account"},
	"internal/messaging":  {"internal/account", "internal/media"},
	"internal/hook":       {"internal/account"},
}

// siblings lists the imports between subpackages of one package that the architecture allows: the parts of a pure core, each
// standing on the ones that follow it.
var siblings = map[string][]string{
	"internal/chat/change":          {"internal/chat/payload"},
	"internal/chat/settings":        {"internal/chat/check"},
	"internal/chat/webhook":         {"internal/chat/check", "internal/chat/settings"},
	"internal/studio/engine":        {"internal/studio/definition", "internal/studio/template"},
	"internal/studio/definition":    {"internal/studio/template"},
	"internal/chat/look":            {"internal/chat/permission"},
	"internal/chat/origin":          {"internal/chat/settings"},
	"internal/connector/whatsapp":   {"internal/connector/graph"},
	"internal/connector/messenger":  {"internal/connector/graph"},
	"internal/realtime/stream":      {"internal/realtime/socket"},
	"internal/realtime/twilsock":    {"internal/realtime/socket"},
	"internal/chat/delivery":        {"internal/chat/payload"},
	"internal/messaging/connection": {"internal/messaging/carry"},
}

// engines lists the packages that their subpackages are built on: these import them, never the other way around.
// Elsewhere a package may keep a part of itself, such as a pure core, in a subpackage and import that.
var engines = []string{"internal/rest", "internal/realtime"}

// restricted says where a package may be imported: the key is an import path, or a prefix that ends with "/".
var restricted = map[string][]string{
	"database/sql":                 {"internal/db"},
	"database/sql/":                {"internal/db"},
	"github.com/jackc/pgx/":        {"internal/db"},
	"modernc.org/":                 {"internal/db"},
	"github.com/pressly/goose/":    {"internal/db"},
	"github.com/minio/":            {"internal/blob"},
	"golang.org/x/image/":          {"internal/media"},
	"image/":                       {"internal/media"},
	"github.com/osteele/":          {"internal/studio/template"},
	"github.com/tink-crypto/":      {"internal/seal"},
	"github.com/lxzan/gws":         {"internal/realtime"},
	"github.com/alecthomas/kong":   {"internal/app", "cmd"},
	"github.com/golang-jwt/":       {"internal/account"},
	"github.com/prometheus/":       {"internal/app", "internal/rest", "internal/realtime"},
	"net/http":                     {"internal/rest", "internal/realtime", "internal/connector", "internal/signin", "internal/page", "internal/app", "internal/hook", "internal/blob", "cmd"},
	"net/http/":                    {"internal/rest", "internal/realtime", "internal/connector", "internal/signin", "internal/page", "internal/app", "internal/hook", "internal/blob", "cmd"},
	"log":                          {},
	"io/ioutil":                    {},
	"math/rand":                    {},
	"usher/test/":                  {},
	"usher/internal/db/dbtest":     {},
	"github.com/google/go-cmp/cmp": {},
	"pgregory.net/rapid":           {},
	"github.com/line/":             {},
	"go.uber.org/goleak":           {},
}

// calls says which functions are called only in certain files or folders.
var calls = map[string][]string{
	"os.Getenv":    {"internal/app/config.go"},
	"os.LookupEnv": {"internal/app/config.go"},
	"os.Environ":   {"internal/app/config.go"},
	"os.Exit":      {"cmd"},
	"fmt.Print":    {"cmd", "internal/app"},
	"fmt.Printf":   {"cmd", "internal/app"},
	"fmt.Println":  {"cmd", "internal/app"},
	"time.Sleep":   {},
}

var forbiddenNames = []string{
	"base", "common", "helper", "helpers", "interfaces", "misc", "model", "models", "shared", "types", "util", "utils",
}

// The budgets. Tails matter, not medians.
const (
	maxFile      = 600
	maxFunction  = 80
	maxInterface = 6
	maxPackage   = 4000
)

// source is one parsed Go file of the product.
type source struct {
	path      string // slash-separated, from the root of the tree
	dir       string
	file      *ast.File
	set       *token.FileSet
	lines     int
	test      bool
	generated bool
}

func (s source) at(p token.Pos) string {
	return fmt.Sprintf("%s:%d", s.path, s.set.Position(p).Line)
}

// tool says whether the file serves building or testing only: a generator, or a package such as dbtest.
func (s source) tool() bool {
	return strings.HasSuffix(s.dir, "test") || s.file.Name.Name == "main" && !within(s.dir, "cmd")
}

func (s source) imports() []string {
	var list []string
	for _, spec := range s.file.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		list = append(list, p)
	}
	return list
}

func TestFloors(t *testing.T) {
	t.Parallel()
	for _, s := range product(t) {
		if s.test || s.tool() {
			continue
		}
		floor, top := stand(s.dir)
		if floor < 0 {
			t.Errorf("%s: the folder stands on no floor; add it to the list in test/arch_test.go", s.path)
			continue
		}
		for _, imported := range s.imports() {
			dir, own := strings.CutPrefix(imported, "usher/")
			if !own {
				if floor == 0 && strings.Contains(strings.Split(imported, "/")[0], ".") {
					t.Errorf("%s imports %s: floor 0 uses the standard library only", s.path, imported)
				}
				continue
			}
			if why := refuse(s.dir, floor, top, dir); why != "" {
				t.Errorf("%s imports %s: %s", s.path, imported, why)
			}
		}
	}
}

// refuse says why a package of the given floor may not import dir, or nothing.
func refuse(from string, floor int, top, dir string) string {
	low, lowTop := stand(dir)
	switch {
	case low < 0:
		return "it stands on no floor"
	case low < floor:
		return ""
	case low > floor:
		return fmt.Sprintf("floor %d may not look up to floor %d", floor, low)
	case slices.Contains(sameFloor[top], lowTop):
		return ""
	case top != lowTop:
		return fmt.Sprintf("both stand on floor %d; what needs two of them belongs higher", floor)
	case slices.Contains(siblings[from], dir):
		return ""
	case from == dir || strings.HasPrefix(from, dir+"/"):
		return ""
	case strings.HasPrefix(dir, from+"/") && !slices.Contains(engines, top):
		return ""
	}
	return "subpackages import neither their siblings nor, below an engine, each other"
}

// stand answers the floor of a folder and the entry of the list that it belongs to.
func stand(dir string) (floor int, top string) {
	for floor, tops := range floors {
		for _, top := range tops {
			if within(dir, top) {
				return floor, top
			}
		}
	}
	return -1, ""
}

func within(dir, top string) bool { return dir == top || strings.HasPrefix(dir, top+"/") }

func TestRestrictedImports(t *testing.T) {
	t.Parallel()
	for _, s := range product(t) {
		if s.test || s.tool() {
			continue
		}
		for _, imported := range s.imports() {
			for rule, allowed := range restricted {
				hit := imported == rule || strings.HasSuffix(rule, "/") && strings.HasPrefix(imported, rule)
				if hit && !slices.ContainsFunc(allowed, func(top string) bool { return within(s.dir, top) }) {
					t.Errorf("%s imports %s: allowed only in %v", s.path, imported, allowed)
				}
			}
		}
	}
}

func TestRestrictedCalls(t *testing.T) {
	t.Parallel()
	for _, s := range product(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			if !ok {
				return true
			}
			name := pkg.Name + "." + selector.Sel.Name
			allowed, restricted := calls[name]
			if !restricted || (s.test || s.tool()) && (name != "time.Sleep" || slices.Contains(s.imports(), "testing/synctest")) {
				return true
			}
			if !slices.ContainsFunc(allowed, func(top string) bool { return within(s.path, top) }) {
				t.Errorf("%s uses %s: allowed only in %v", s.at(n.Pos()), name, allowed)
			}
			return true
		})
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	packages := map[string]int{}
	for _, s := range product(t) {
		if s.generated {
			continue
		}
		if s.lines > maxFile {
			t.Errorf("%s has %d lines; a file has at most %d", s.path, s.lines, maxFile)
		}
		if s.test {
			continue
		}
		packages[s.dir] += s.lines
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				checkLength(t, s, n, n.Name.Name)
			case *ast.FuncLit:
				checkLength(t, s, n, "a function literal")
			case *ast.TypeSpec:
				if i, ok := n.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxInterface {
					t.Errorf("%s: interface %s has %d methods; at most %d", s.at(n.Pos()), n.Name.Name, i.Methods.NumFields(), maxInterface)
				}
			}
			return true
		})
	}
	for dir, lines := range packages {
		if lines > maxPackage {
			t.Errorf("package %s has %d lines; at most %d", dir, lines, maxPackage)
		}
	}
}

func checkLength(t *testing.T, s source, n ast.Node, name string) {
	t.Helper()
	lines := s.set.Position(n.End()).Line - s.set.Position(n.Pos()).Line + 1
	if lines > maxFunction {
		t.Errorf("%s: %s has %d lines; a function has at most %d", s.at(n.Pos()), name, lines, maxFunction)
	}
}

func TestDocumented(t *testing.T) {
	t.Parallel()
	packages := map[string]bool{}
	for _, s := range product(t) {
		if s.test {
			continue
		}
		packages[s.dir] = packages[s.dir] || s.file.Doc.Text() != ""
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Doc.Text() == "" {
					t.Errorf("%s: %s has no doc comment", s.at(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, name := range undocumented(d) {
					t.Errorf("%s: %s has no doc comment", s.at(name.Pos()), name.Name)
				}
			}
		}
	}
	for dir, documented := range packages {
		if !documented {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// undocumented answers the exported names of a declaration without a comment above them, beside them, or above their group.
func undocumented(d *ast.GenDecl) []*ast.Ident {
	var names []*ast.Ident
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && d.Doc.Text() == "" && spec.Doc.Text() == "" {
				names = append(names, spec.Name)
			}
		case *ast.ValueSpec:
			if d.Doc.Text() != "" || spec.Doc.Text() != "" || spec.Comment.Text() != "" {
				continue
			}
			for _, name := range spec.Names {
				if name.IsExported() {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, s := range product(t) {
		if slices.Contains(forbiddenNames, s.file.Name.Name) || slices.Contains(forbiddenNames, path.Base(s.dir)) {
			t.Errorf("%s: a package is named after what it provides, not %s", s.path, s.file.Name.Name)
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: no init functions; say it in the list that a reader sees", s.at(f.Pos()))
			}
		}
	}
}

// product answers the Go files of cmd, internal and web.
func product(t *testing.T) []source {
	t.Helper()
	list, err := readProduct()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var readProduct = sync.OnceValues(func() ([]source, error) {
	var list []source
	for _, top := range []string{"cmd", "internal", "web"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && slices.Contains([]string{"node_modules", "testdata", "dist"}, entry.Name()):
				return filepath.SkipDir
			case entry.IsDir() || filepath.Ext(name) != ".go":
				return nil
			}
			s, err := parse(name)
			list = append(list, s)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
})

func parse(name string) (source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return source{}, err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	rel := strings.TrimPrefix(filepath.ToSlash(name), "../")
	return source{
		path: rel, dir: path.Dir(rel), file: file, set: set,
		lines: strings.Count(string(text), "\n"), test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(file),
	}, nil
}
