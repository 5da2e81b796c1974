package llmtest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Azure returns the dialect of Azure OpenAI: OpenAI's, at /openai/v1, or with the
// deployment in the path and an api-version in the query; a key in the header api-key
// alone; and Azure's forms of errors.
func Azure() Dialect { return azure{} }

type azure struct{ openAI }

func (a azure) Decode(r *http.Request, body []byte) (*Call, error) {
	if r.Header.Get("Authorization") != "" || r.Header.Get("Api-Key") == "" {
		return nil, fmt.Errorf("the key does not stand in api-key")
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/openai/")
	if !ok {
		return nil, fmt.Errorf("%s: %w", r.URL.Path, llm.ErrNotFound)
	}
	deployment, v1 := "", strings.HasPrefix(rest, "v1/")
	if path, ok := strings.CutPrefix(rest, "deployments/"); ok {
		if deployment, _, ok = strings.Cut(path, "/"); !ok {
			return nil, fmt.Errorf("%s: %w", r.URL.Path, llm.ErrNotFound)
		}
	}
	if !v1 && r.URL.Query().Get("api-version") == "" {
		return nil, fmt.Errorf("no api-version: %w", llm.ErrNotFound)
	}
	c, err := a.openAI.Decode(r, body)
	switch {
	case err != nil:
		return nil, err
	case c.Kind != List && !v1 && deployment == "":
		return nil, fmt.Errorf("no deployment: %w", llm.ErrNotFound)
	case deployment != "":
		c.Model = deployment
	}
	return c, nil
}

func (a azure) Fail(c *Call, f *Failure) (int, []byte) {
	switch f.Kind {
	case Rate:
		return 429, encode(object{"error": object{"code": "429", "message": "Requests have exceeded the call rate limit of your current OpenAI tier."}})
	case NotFound:
		return 404, encode(object{"error": object{"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}})
	case Auth:
		return 401, encode(object{"error": object{"code": "401", "message": "Access denied due to invalid subscription key or wrong API endpoint."}})
	case FilterCall:
		return 400, encode(object{"error": object{
			"message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
			"type":    nil, "param": "prompt", "code": "content_filter", "status": 400,
			"innererror": object{"code": "ResponsibleAIPolicyViolation", "content_filter_result": object{
				"hate": object{"filtered": true, "severity": "high"}, "violence": object{"filtered": false, "severity": "safe"},
				"jailbreak": object{"filtered": true, "detected": true}}}}})
	}
	return a.openAI.Fail(c, f)
}
