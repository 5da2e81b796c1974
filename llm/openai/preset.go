package openai

import "slices"

// A Preset is a server that speaks Chat Completions: nothing but its address and the
// name under which its key is usually kept. The package reads no environment; the
// names are for who does.
type Preset struct {
	Name    string // begins the models' names: groq/llama-3.3-70b-versatile
	Title   string // as people know it
	BaseURL string
	KeyEnv  string // variable of the key
	URLEnv  string // variable of another address
	Local   bool   // runs on one's own machine: BaseURL has its usual port, and a key is not needed
}

// Presets returns the common servers, local ones first.
func Presets() []Preset { return slices.Clone(presets) }

// PresetOf returns the preset of a name.
func PresetOf(name string) (Preset, bool) {
	i := slices.IndexFunc(presets, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, false
	}
	return presets[i], true
}

var presets = []Preset{
	{"llamacpp", "llama.cpp", "http://127.0.0.1:8080/v1", "LLAMACPP_API_KEY", "LLAMACPP_BASE_URL", true},
	{"vllm", "vLLM", "http://127.0.0.1:8000/v1", "VLLM_API_KEY", "VLLM_BASE_URL", true},
	{"lmstudio", "LM Studio", "http://127.0.0.1:1234/v1", "LMSTUDIO_API_KEY", "LMSTUDIO_BASE_URL", true},
	{"openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL", false},
	{"groq", "Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "GROQ_BASE_URL", false},
	{"together", "Together", "https://api.together.xyz/v1", "TOGETHER_API_KEY", "TOGETHER_BASE_URL", false},
	{"mistral", "Mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "MISTRAL_BASE_URL", false},
	{"deepseek", "DeepSeek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "DEEPSEEK_BASE_URL", false},
}
