// Program around a Go script. A constant: what comes from the tenant is the package inner and the files beside the program.
//
// Reads args.json and names.json (the names of main's parameters), calls main, writes one record to fd 5:
// R + JSON (result), E + JSON (error or panic), I + JSON (the result is not JSON).
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"millrace.job/inner"
)

const (
	recordFd = 5
	maxText  = 16000
	maxDepth = 128
)

var errorType = reflect.TypeOf((*error)(nil)).Elem()

func main() {
	syscall.CloseOnExec(recordFd)
	here := filepath.Dir(os.Args[0])
	function := reflect.ValueOf(inner.MillraceMain())
	given, fault := arguments(here, function.Type())
	if fault != nil {
		report('E', fault)
		os.Exit(1)
	}
	results, failure := call(function, given)
	if failure != nil {
		report('E', failure)
		os.Exit(1)
	}
	os.Exit(reportResults(function.Type(), results))
}

type failure struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	Stack   string `json:"stack,omitempty"`
	Code    string `json:"code,omitempty"`
}

func arguments(here string, function reflect.Type) ([]reflect.Value, *failure) {
	var names []string
	var args map[string]json.RawMessage
	readJSON(here, "names.json", &names)
	readJSON(here, "args.json", &args)
	if len(names) != function.NumIn() {
		return nil, &failure{Name: "InvalidArgument", Message: "the parameters of main could not be read"}
	}
	values := make([]reflect.Value, len(names))
	for i, name := range names {
		value := reflect.New(function.In(i))
		raw, found := args[name]
		if found && string(raw) != "null" {
			if err := json.Unmarshal(raw, value.Interface()); err != nil {
				text := fmt.Sprintf("the argument `%s` does not fit the type %s: %s", name, function.In(i), strings.TrimPrefix(err.Error(), "json: "))
				return nil, &failure{Name: "InvalidArgument", Message: clip(text)}
			}
		} else if !optional(function.In(i)) {
			return nil, &failure{Name: "MissingArgument", Message: fmt.Sprintf("main needs the argument `%s`, which was not given", name)}
		}
		values[i] = value.Elem()
	}
	return values, nil
}

func optional(kind reflect.Type) bool {
	switch kind.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return true
	}
	return false
}

func readJSON(here string, name string, into any) {
	data, err := os.ReadFile(filepath.Join(here, name))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		report('E', &failure{Name: "InvalidArgument", Message: clip(name + ": " + err.Error())})
		os.Exit(1)
	}
}

func call(function reflect.Value, args []reflect.Value) (results []reflect.Value, failed *failure) {
	defer func() {
		if cause := recover(); cause != nil {
			failed = &failure{Name: "Panic", Message: clip(textOf(cause)), Stack: clip("panic: " + textOf(cause) + "\n" + stack())}
			if err, ok := cause.(error); ok {
				failed.Code = codeOf(err)
			}
		}
	}()
	if function.Type().IsVariadic() {
		results = function.CallSlice(args)
	} else {
		results = function.Call(args)
	}
	if last := len(results) - 1; last >= 0 && function.Type().Out(last) == errorType {
		if err, ok := results[last].Interface().(error); ok && err != nil {
			failed = &failure{Name: nameOf(err), Message: clip(textOf(err)), Code: codeOf(err)}
		}
	}
	return
}

func textOf(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = "(its text cannot be read)"
		}
	}()
	return fmt.Sprint(value)
}

// stack has the script's own frames and those of its modules, not ours and not those of the runtime.
func stack() string {
	pointers := make([]uintptr, 100)
	frames := runtime.CallersFrames(pointers[:runtime.Callers(3, pointers)])
	var text strings.Builder
	for {
		frame, more := frames.Next()
		name := strings.TrimPrefix(frame.Function, "millrace.job/")
		if !strings.HasPrefix(frame.Function, "main.") && !strings.HasPrefix(frame.Function, "runtime.") && !strings.HasPrefix(frame.Function, "reflect.") {
			fmt.Fprintf(&text, "%s\n\t%s:%d\n", name, strings.TrimPrefix(frame.File, "millrace.job/inner/"), frame.Line)
		}
		if !more {
			return text.String()
		}
	}
}

func nameOf(err error) string {
	kind := reflect.TypeOf(err)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	name := kind.Name()
	if name == "" || kind.PkgPath() == "fmt" || kind.PkgPath() == "errors" {
		return "Error"
	}
	return name
}

func codeOf(err error) string {
	for number, name := range map[syscall.Errno]string{syscall.ENOSPC: "ENOSPC", syscall.EDQUOT: "EDQUOT", syscall.EFBIG: "EFBIG"} {
		if errors.Is(err, number) {
			return name
		}
	}
	return ""
}

func reportResults(function reflect.Type, results []reflect.Value) int {
	if last := len(results) - 1; last >= 0 && function.Out(last) == errorType {
		results = results[:last]
	}
	var result any
	if len(results) == 1 {
		result = results[0].Interface()
	} else if len(results) > 1 {
		several := make([]any, len(results))
		for i, one := range results {
			several[i] = one.Interface()
		}
		result = several
	}
	data, err := encode(result)
	if err != nil {
		path, reason := findFault(reflect.ValueOf(result), "$", 0)
		if reason == "" {
			path, reason = "$", err.Error()
		}
		report('I', map[string]string{"path": path, "message": clip(reason)})
		return 1
	}
	writeRecord('R', data)
	return 0
}

func encode(value any) (data []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = errors.New(textOf(cause))
		}
	}()
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(value)
	return bytes.TrimRight(buffer.Bytes(), "\n"), err
}

// findFault says where the first value is that JSON cannot hold.
func findFault(value reflect.Value, path string, depth int) (string, string) {
	if depth > maxDepth {
		return path, fmt.Sprintf("nested deeper than %d levels", maxDepth)
	}
	switch value.Kind() {
	case reflect.Interface, reflect.Pointer:
		if !value.IsNil() {
			return findFault(value.Elem(), path, depth+1)
		}
	case reflect.Float32, reflect.Float64:
		if number := value.Float(); math.IsNaN(number) || math.IsInf(number, 0) {
			return path, fmt.Sprintf("%v is not a JSON number", number)
		}
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return path, fmt.Sprintf("a value of type %s is not JSON", value.Type())
	case reflect.Slice, reflect.Array:
		for i := 0; i < value.Len(); i++ {
			if at, reason := findFault(value.Index(i), path+"["+strconv.Itoa(i)+"]", depth+1); reason != "" {
				return at, reason
			}
		}
	case reflect.Map:
		keys := value.MapKeys()
		sort.Slice(keys, func(a, b int) bool { return fmt.Sprint(keys[a]) < fmt.Sprint(keys[b]) })
		for _, key := range keys {
			if at, reason := findFault(value.MapIndex(key), path+"."+fmt.Sprint(key), depth+1); reason != "" {
				return at, reason
			}
		}
	case reflect.Struct:
		for i := 0; i < value.NumField(); i++ {
			field := value.Type().Field(i)
			name := strings.Split(field.Tag.Get("json"), ",")[0]
			if field.PkgPath != "" || name == "-" {
				continue
			}
			if name == "" {
				name = field.Name
			}
			if at, reason := findFault(value.Field(i), path+"."+name, depth+1); reason != "" {
				return at, reason
			}
		}
	}
	return path, ""
}

func clip(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText/2], "") + "\n…\n" + strings.ToValidUTF8(text[len(text)-maxText/2:], "")
}

func report(kind byte, value any) {
	data, _ := json.Marshal(value)
	writeRecord(kind, data)
}

func writeRecord(kind byte, data []byte) {
	data = append([]byte{kind}, data...)
	for len(data) > 0 {
		count, err := syscall.Write(recordFd, data)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return
		}
		data = data[count:]
	}
}
