package whatsapp

import (
	"errors"
	"net/http"
	"os"
	"testing"

	"usher/internal/connector"
)

// depsNowhere has a client that reaches nobody.
var depsNowhere = connector.Deps{Client: &http.Client{Transport: nowhere{}}}

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("nowhere") }

func recordedFuzz(f *testing.F, name string) []byte {
	f.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		f.Fatal(err)
	}
	return body
}
