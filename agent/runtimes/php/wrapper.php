<?php
// Runs a PHP script as the agent wants it. A constant: what comes from the tenant is read from the files beside it.
//   main.php, args.json   the script and its arguments
//   launch.json           where the script's packages are: {"autoload": path or ""}
// Writes one record to fd 5: R + JSON (result), E + JSON (exception), S + JSON (syntax error), I + JSON (result is not JSON).

namespace Millrace {
    /** A result that is JSON text already: the only way to return an integer that PHP cannot hold. */
    final class RawJson
    {
        public function __construct(public readonly string $text) {}
    }

    /** @throws \JsonException when the text is not JSON */
    function raw_json(string $text): RawJson
    {
        json_decode($text, false, 128, JSON_THROW_ON_ERROR);
        return new RawJson($text);
    }

    /** What arrives for a parameter whose class nobody declares, such as a resource type. */
    #[\AllowDynamicProperties]
    class Resource {}
}

namespace Millrace\Wrapper {
    use Millrace\RawJson;
    use Millrace\Resource;

    const MAIN = __DIR__ . '/main.php';
    const MAX_TEXT = 16000;
    const MAX_DEPTH = 128;

    /** The arguments do not fit main; reported without a stack, since no line of the script is to blame. */
    final class ArgumentFault extends \Exception
    {
        public function __construct(public readonly string $kind, string $message)
        {
            parent::__construct($message);
        }
    }

    final class Unfit extends \Exception
    {
        public function __construct(public readonly string $path, string $message)
        {
            parent::__construct($message);
        }
    }

    final class Report
    {
        private static mixed $pipe = null;
        private static int $pid = 0;
        private static bool $done = false;

        public static function open(): void
        {
            self::$pipe = fopen('php://fd/5', 'w');
            self::$pid = getmypid();
            // Ahead of all that the script registers. Comes here too after exit() and fatal errors.
            register_shutdown_function(self::close(...));
        }

        public static function write(string $kind, string $data): void
        {
            if (self::$done || getmypid() !== self::$pid) {
                return; // A child made by pcntl_fork() came back through main: the result is the parent's.
            }
            self::$done = true;
            $data = $kind . $data;
            for ($at = 0; $at < strlen($data); ) {
                $written = fwrite(self::$pipe, substr($data, $at, 65536));
                if ($written === false || $written === 0) {
                    return;
                }
                $at += $written;
            }
            fflush(self::$pipe);
        }

        public static function fields(string $kind, array $fields): void
        {
            $fields = array_map(static fn($field) => is_string($field) ? clip($field) : $field, $fields);
            self::write($kind, json_encode($fields, JSON_INVALID_UTF8_SUBSTITUTE));
        }

        private static function close(): void
        {
            $last = error_get_last();
            if (self::$done || $last === null || !($last['type'] & (E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR))) {
                return;
            }
            $ours = $last['file'] === MAIN;
            if ($ours && $last['type'] & (E_PARSE | E_COMPILE_ERROR)) {
                self::fields('S', ['message' => $last['message'], 'line' => $last['line']]);
                return;
            }
            $name = str_starts_with($last['message'], 'Allowed memory size') ? 'MemoryError' : 'FatalError';
            self::fields('E', ['name' => $name, 'message' => $last['message'], 'stack' => place($last['file'], $last['line'])]);
        }
    }

    function clip(string $text): string
    {
        $half = intdiv(MAX_TEXT, 2);
        return strlen($text) <= MAX_TEXT ? $text : substr($text, 0, $half) . "\n…\n" . substr($text, -$half);
    }

    function place(string $file, int $line): string
    {
        return str_replace(__DIR__ . '/', '', $file) . ":$line";
    }

    function load_packages(): void
    {
        $launch = json_decode(file_get_contents(__DIR__ . '/launch.json'));
        if ($launch->autoload !== '') {
            require $launch->autoload;
        }
    }

    function call_main(): never
    {
        try {
            $main = find_main();
            $result = $main->invokeArgs(bind($main, read_args()));
        } catch (\Throwable $error) {
            fail($error);
        }
        try {
            Report::write('R', text_of($result, '$', 0));
        } catch (Unfit $fault) {
            Report::fields('I', ['path' => $fault->path, 'message' => $fault->getMessage()]);
            exit(1);
        } catch (\Throwable $error) {
            Report::fields('I', ['path' => '$', 'message' => get_class($error) . ': ' . $error->getMessage()]);
            exit(1);
        }
        exit(0);
    }

    /** `main` of the script, whatever namespace the script gave itself. */
    function find_main(): \ReflectionFunction
    {
        foreach (get_defined_functions()['user'] as $name) {
            if ($name === 'main' || str_ends_with($name, '\\main')) {
                $function = new \ReflectionFunction($name);
                if ($function->getFileName() === MAIN) {
                    return $function;
                }
            }
        }
        throw new ArgumentFault('NoMain', 'the script defines no function `main`');
    }

    function read_args(): array
    {
        return (array) json_decode(file_get_contents(__DIR__ . '/args.json'), false, 512, JSON_BIGINT_AS_STRING | JSON_THROW_ON_ERROR);
    }

    function bind(\ReflectionFunction $main, array $args): array
    {
        $parameters = [];
        $any = false;
        foreach ($main->getParameters() as $parameter) {
            if ($parameter->isVariadic()) {
                $any = true;
            } else {
                $parameters[$parameter->getName()] = $parameter;
            }
        }
        foreach ($args as $name => $_) {
            if (!isset($parameters[$name]) && (!$any || is_int($name))) {
                $takes = $parameters === [] ? 'none' : implode(', ', array_keys($parameters));
                throw new ArgumentFault('UnknownArgument', "main takes no argument `$name`; it takes: $takes");
            }
        }
        foreach ($parameters as $name => $parameter) {
            if (array_key_exists($name, $args)) {
                $args[$name] = shape($parameter->getType(), $args[$name], $name);
            } elseif (!$parameter->isOptional()) {
                throw new ArgumentFault('MissingArgument', "main needs the argument `$name`, which was not given");
            }
        }
        return $args;
    }

    /** JSON has no classes: gives a value the class that its parameter asks for. */
    function shape(?\ReflectionType $type, mixed $value, string $name): mixed
    {
        if (!$type instanceof \ReflectionNamedType || $value === null) {
            return $value;
        }
        $wanted = $type->getName();
        if ($wanted === 'array' && $value instanceof \stdClass) {
            return deep_array($value);
        }
        if ($type->isBuiltin()) {
            return $value;
        }
        try {
            return $value instanceof \stdClass ? instance($wanted, $value) : converted($wanted, $value);
        } catch (\Throwable $error) {
            throw new ArgumentFault('InvalidArgument', "the argument `$name` does not fit $wanted: " . $error->getMessage());
        }
    }

    function instance(string $class, \stdClass $members): object
    {
        if ($class === 'stdClass') {
            return $members;
        }
        if (!class_exists($class) && !interface_exists($class)) {
            class_alias(Resource::class, $class, false);
        }
        $reflection = new \ReflectionClass($class);
        $constructor = $reflection->getConstructor();
        if ($constructor !== null && $constructor->getNumberOfParameters() > 0) {
            return $reflection->newInstanceArgs(get_object_vars($members));
        }
        $object = $reflection->newInstance();
        foreach (get_object_vars($members) as $name => $member) {
            $object->$name = $member;
        }
        return $object;
    }

    function converted(string $class, mixed $value): mixed
    {
        if (is_subclass_of($class, \BackedEnum::class)) {
            return $class::from($value);
        }
        if (is_string($value) && is_a($class, \DateTimeInterface::class, true)) {
            return $class === \DateTime::class ? new \DateTime($value) : new \DateTimeImmutable($value);
        }
        return $value;
    }

    function deep_array(mixed $value): mixed
    {
        if ($value instanceof \stdClass) {
            $value = (array) $value;
        }
        return is_array($value) ? array_map(deep_array(...), $value) : $value;
    }

    function text_of(mixed $value, string $path, int $depth): string
    {
        switch (gettype($value)) {
            case 'NULL':
                return 'null';
            case 'boolean':
                return $value ? 'true' : 'false';
            case 'integer':
                return (string) $value;
            case 'double':
                if (!is_finite($value)) {
                    throw new Unfit($path, var_export($value, true) . ' is not a JSON number');
                }
                return json_encode($value, JSON_PRESERVE_ZERO_FRACTION);
            case 'string':
                return string_text($value, $path);
            case 'array':
                return array_is_list($value) ? list_text($value, $path, $depth) : members_text($value, $path, $depth);
            case 'object':
                return object_text($value, $path, $depth);
            default:
                throw new Unfit($path, 'a ' . gettype($value) . ' is not JSON');
        }
    }

    function string_text(string $value, string $path): string
    {
        $text = json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_LINE_TERMINATORS);
        if ($text === false) {
            throw new Unfit($path, 'a string that is not UTF-8 is not JSON');
        }
        return $text;
    }

    function list_text(array $list, string $path, int $depth): string
    {
        check_depth($path, $depth);
        $texts = [];
        foreach ($list as $index => $item) {
            $texts[] = text_of($item, "{$path}[$index]", $depth + 1);
        }
        return '[' . implode(',', $texts) . ']';
    }

    function members_text(array $members, string $path, int $depth): string
    {
        check_depth($path, $depth);
        $texts = [];
        foreach ($members as $name => $member) {
            $texts[] = string_text((string) $name, $path) . ':' . text_of($member, "$path.$name", $depth + 1);
        }
        return '{' . implode(',', $texts) . '}';
    }

    function object_text(object $value, string $path, int $depth): string
    {
        if ($value instanceof RawJson) {
            return $value->text;
        }
        if ($value instanceof \JsonSerializable) {
            check_depth($path, $depth);
            return text_of($value->jsonSerialize(), $path, $depth + 1);
        }
        if ($value instanceof \DateTimeInterface) {
            return string_text($value->format($value->format('u') === '000000' ? 'Y-m-d\TH:i:sP' : 'Y-m-d\TH:i:s.uP'), $path);
        }
        if ($value instanceof \BackedEnum) {
            return text_of($value->value, $path, $depth);
        }
        if ($value instanceof \Closure || $value instanceof \Traversable || $value instanceof \UnitEnum) {
            throw new Unfit($path, 'a value of type ' . get_class($value) . ' is not JSON');
        }
        return members_text(get_object_vars($value), $path, $depth);
    }

    function check_depth(string $path, int $depth): void
    {
        if ($depth >= MAX_DEPTH) {
            throw new Unfit($path, 'nested deeper than ' . MAX_DEPTH . ' levels');
        }
    }

    function fail(\Throwable $error): never
    {
        if ($error instanceof ArgumentFault) {
            Report::fields('E', ['name' => $error->kind, 'message' => $error->getMessage()]);
        } elseif ($error instanceof \CompileError && $error->getFile() === MAIN) {
            Report::fields('S', ['message' => $error->getMessage(), 'line' => $error->getLine(), 'text' => line_of_main($error->getLine())]);
        } else {
            Report::fields('E', wrong_argument($error) ?? ['name' => get_class($error), 'message' => $error->getMessage(), 'stack' => stack_of($error)]);
        }
        exit(1);
    }

    function line_of_main(int $line): string
    {
        return rtrim(file(MAIN)[$line - 1] ?? '');
    }

    /** A type error that the call of main caused, not one of a call within it. */
    function wrong_argument(\Throwable $error): ?array
    {
        $pattern = '/^(?:[\w\\\\]+\\\\)?main\(\): Argument #\d+ \(\$(\w+)\) (must be .+ given)$/';
        $isOurs = $error instanceof \TypeError && count($error->getTrace()) > 0 && !isset($error->getTrace()[0]['file']);
        if (!$isOurs || !preg_match($pattern, $error->getMessage(), $found)) {
            return null;
        }
        return ['name' => 'InvalidArgument', 'message' => "the argument `$found[1]` $found[2]"];
    }

    /** Frames of the script and its packages, under their own names. */
    function stack_of(\Throwable $error): string
    {
        $lines = [get_class($error) . ': ' . clip($error->getMessage()), '  at ' . place($error->getFile(), $error->getLine())];
        foreach (array_slice($error->getTrace(), 0, 50) as $frame) {
            $file = $frame['file'] ?? '';
            if ($file !== '' && $file !== __FILE__) {
                $lines[] = '  at ' . place($file, $frame['line'] ?? 0) . ', calling ' . ($frame['class'] ?? '') . ($frame['type'] ?? '') . $frame['function'];
            }
        }
        $cause = $error->getPrevious();
        return implode("\n", $lines) . ($cause === null ? '' : "\ncaused by " . stack_of($cause));
    }

    Report::open();
}

namespace {
    // At the top level, so that what the script declares outside of functions is global.
    try {
        \Millrace\Wrapper\load_packages();
        require __DIR__ . '/main.php';
    } catch (\Throwable $__millrace) {
        \Millrace\Wrapper\fail($__millrace);
    }
    \Millrace\Wrapper\call_main();
}
