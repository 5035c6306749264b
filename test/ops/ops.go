// Package ops holds the operations of the products that Usher is compatible with, and fills an account with one object of
// every kind so that each operation can be called for real.
package ops

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed operations.txt
var listed string

// Operation is one method on one path of one product.
type Operation struct {
	Product string // first segment of the server's path: chat, flex-api, taskrouter, api, studio, proxy
	Method  string
	Path    string // with variables: /v2/Services/{Sid}
	Name    string // such as FetchService; unique inside a product
}

// All answers the operations in the order of the file: product by product.
func All() ([]Operation, error) {
	var list []Operation
	for line := range strings.Lines(listed) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 4 {
			return nil, fmt.Errorf("operations.txt: %q has not four fields", line)
		}
		list = append(list, Operation{f[0], f[1], f[2], f[3]})
	}
	return list, nil
}

// Vars answers the keys of the path's variables in a World, outermost first. The key of {ChannelSid} in
// /v2/Services/{ServiceSid}/Channels/{ChannelSid}/Members is chat/Services/Channels.
func (o Operation) Vars() []string {
	var keys []string
	key := o.Product
	for i, part := range o.segments() {
		switch {
		case strings.HasPrefix(part, "{"):
			keys = append(keys, key)
		case i > 0: // the first one is the version
			key += "/" + part
		}
	}
	return keys
}

// Fill answers the server's path with the variables replaced by values, outermost first.
func (o Operation) Fill(values []string) string {
	parts := o.segments()
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			parts[i], values = values[0], values[1:]
		}
	}
	path := "/" + o.Product + "/" + strings.Join(parts, "/")
	if strings.HasSuffix(o.Path, ".json") {
		path += ".json"
	}
	return path
}

func (o Operation) segments() []string {
	return strings.Split(strings.Trim(strings.TrimSuffix(o.Path, ".json"), "/"), "/")
}

// Depth is the number of variables in the path.
func (o Operation) Depth() int { return strings.Count(o.Path, "{") }
