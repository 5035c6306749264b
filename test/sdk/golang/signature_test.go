package golang

import (
	"encoding/json"
	"net/url"
	"os"
	"testing"

	"github.com/twilio/twilio-go/client"
)

// TestSignature has the signatures that internal/hook makes checked by the library's validator. It knows one value per name,
// so vectors with more are left to the other library. No server is needed.
func TestSignature(t *testing.T) {
	text, err := os.ReadFile("../../../internal/hook/testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, Sent, Token, Signature string
		Form                         url.Values
		Body                         *string
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, v := range vectors {
		validator := client.NewRequestValidator(v.Token)
		var valid, tampered bool
		if v.Body != nil {
			valid = validator.ValidateBody(v.Sent, []byte(*v.Body), v.Signature)
			tampered = validator.ValidateBody(v.Sent, []byte(*v.Body+"x"), v.Signature)
		} else {
			params := map[string]string{}
			single := true
			for name, values := range v.Form {
				params[name], single = values[0], single && len(values) == 1
			}
			if !single {
				continue
			}
			valid = validator.Validate(v.Sent, params, v.Signature)
			params["Tampered"] = "1"
			tampered = validator.Validate(v.Sent, params, v.Signature)
		}
		if !valid || tampered {
			t.Errorf("%s: valid %t, tampered %t", v.Name, valid, tampered)
		}
		checked++
	}
	if checked < 10 {
		t.Errorf("%d vectors were checked", checked)
	}
}
