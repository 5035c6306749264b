package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Client calls the REST surface as a plain program would: forms in, JSON out.
type Client struct {
	Base           string
	User, Password string
	HTTP           *http.Client
}

// Answer is what a call came back with.
type Answer struct {
	Status int
	Header http.Header
	Body   map[string]any // nil when the body is empty or no JSON object
	Text   string
}

// Client answers a client with the account's own SID and token.
func (s *Server) Client() *Client { return s.As(s.AccountSID, s.AuthToken) }

// As answers a client with other credentials.
func (s *Server) As(user, password string) *Client {
	return &Client{Base: s.URL, User: user, Password: password, HTTP: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}}
}

// Form makes form values from pairs: name, value, name, value.
func Form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// Call makes one request. The path may also be a whole address, as the paging links are. The error is about the
// connection only: every status is an Answer.
func (c *Client) Call(ctx context.Context, method, path string, form url.Values) (Answer, error) {
	address := path
	if !strings.HasPrefix(path, "http") {
		address = c.Base + path
	}
	var body io.Reader
	if method != http.MethodGet && form != nil {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		address += "?" + form.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return Answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.User != "" {
		req.SetBasicAuth(c.User, c.Password)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Status: res.StatusCode, Header: res.Header, Text: string(text)}
	_ = json.Unmarshal(text, &a.Body)
	return a, nil
}

// Must makes one request and ends the test unless it is answered with a 2xx.
func (c *Client) Must(t *testing.T, method, path string, pairs ...string) Answer {
	t.Helper()
	a, err := c.Call(t.Context(), method, path, Form(pairs...))
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if a.Status/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, a.Status, a.Text)
	}
	return a
}

// Post makes or changes something and ends the test when that fails.
func (c *Client) Post(t *testing.T, path string, pairs ...string) Answer {
	t.Helper()
	return c.Must(t, http.MethodPost, path, pairs...)
}

// Get reads something and ends the test when that fails.
func (c *Client) Get(t *testing.T, path string, pairs ...string) Answer {
	t.Helper()
	return c.Must(t, http.MethodGet, path, pairs...)
}

// All walks a list through all of its pages by the links in them.
func (c *Client) All(ctx context.Context, path, key string) ([]map[string]any, error) {
	var all []map[string]any
	next := path
	for next != "" {
		a, err := c.Call(ctx, http.MethodGet, next, nil)
		if err != nil {
			return nil, err
		}
		if a.Status != http.StatusOK {
			return nil, fmt.Errorf("%s: %d %s", next, a.Status, a.Text)
		}
		items, ok := a.Body[key].([]any)
		if !ok {
			return nil, fmt.Errorf("%s: no list %q in the answer", next, key)
		}
		for _, item := range items {
			if row, ok := item.(map[string]any); ok {
				all = append(all, row)
			}
		}
		meta, _ := a.Body["meta"].(map[string]any)
		next, _ = meta["next_page_url"].(string)
	}
	return all, nil
}

// String answers a text field of the body.
func (a Answer) String(name string) string {
	s, _ := a.Body[name].(string)
	return s
}

// Number answers a number field of the body, or -1.
func (a Answer) Number(name string) int { return Number(a.Body, name) }

// SID answers the field sid.
func (a Answer) SID() string { return a.String("sid") }

// Number answers a number field of a JSON object, or -1.
func Number(row map[string]any, name string) int {
	n, ok := row[name].(float64)
	if !ok {
		return -1
	}
	return int(n)
}

// Text answers a text field of a JSON object.
func Text(row map[string]any, name string) string {
	s, _ := row[name].(string)
	return s
}
