# frozen_string_literal: true

# Runs a Ruby script as the agent wants it. A constant: what comes from the tenant is read from the files beside it.
#   main.rb, args.json   the script and its arguments
#   launch.json          where the script's gems are: {"setup": path of a file that puts them on the load path, or ""}
# Writes one record to fd 5: R + JSON (result), E + JSON (exception), S + JSON (syntax error), I + JSON (result is not JSON),
# X + exit code. Loads little on purpose: start-up time is paid by every job. RubyGems itself is off, see ruby-runtime.ts.
require "json"

module Millrace
  HERE = __dir__
  FILE = "main.rb"
  MAX_TEXT = 16_000
  MAX_DEPTH = 128
  PIPE = IO.for_fd(5, "wb")
  PID = Process.pid

  # The arguments do not fit main; reported without a stack, since no line of the script is to blame.
  class ArgumentFault < StandardError
    attr_reader :kind

    def initialize(kind, message)
      super(message)
      @kind = kind
    end
  end

  class Unfit < StandardError
    attr_reader :path

    def initialize(path, message)
      super(message)
      @path = path
    end
  end

  class << self
    def run
      $stdout.sync = true
      $stderr.sync = true
      $PROGRAM_NAME = FILE
      source = File.read(File.join(HERE, FILE), encoding: "UTF-8")
      code = compile(source)
      offer_data(source)
      launch = JSON.parse(File.read(File.join(HERE, "launch.json")))
      require launch["setup"] unless launch["setup"].empty?
      Gemfile.take_over if source.include?("/inline")
      code.eval
      report_result(call)
    rescue SystemExit => stop
      write("X", (stop.status & 0xff).to_s)
      raise
    rescue SignalException
      raise # Ruby ends itself with the same signal.
    rescue Exception => error # rubocop:disable Lint/RescueException
      report_error(error)
      exit(1)
    end

    private

    def compile(source)
      RubyVM::InstructionSequence.compile(source, FILE, File.join(HERE, FILE), 1)
    rescue SyntaxError => error
      report_syntax(error, source)
      exit(1)
    end

    # What follows __END__, as the main file of a program has it.
    def offer_data(source)
      return unless source.include?("__END__") && (mark = source.match(/^__END__\r?\n/))

      file = File.open(File.join(HERE, FILE))
      file.seek(mark.pre_match.bytesize + mark[0].bytesize)
      Object.const_set(:DATA, file)
    end

    def call
      args = JSON.parse(File.read(File.join(HERE, "args.json"), encoding: "UTF-8"), max_nesting: 1000)
      main = find_main
      if main.nil?
        raise ArgumentFault.new("NoMain", "the script defines no method `main` and takes no arguments") unless args.empty?

        return nil # The file as a whole was the script.
      end
      positional, keywords = bind(main, args)
      main.call(*positional, **keywords)
    end

    def find_main
      TOPLEVEL_BINDING.receiver.method(:main)
    rescue NameError
      nil
    end

    def bind(main, args)
      parameters = main.parameters
      known = parameters.reject { |kind, _| %i[rest keyrest block nokey].include?(kind) }.map { |_, name| name.to_s }
      takes_any = parameters.any? { |kind, _| kind == :keyrest }
      unknown = args.keys - known
      unless unknown.empty? || takes_any
        raise ArgumentFault.new("UnknownArgument", "main takes no argument `#{unknown.first}`; it takes: #{known.empty? ? 'none' : known.join(', ')}")
      end
      positional = positional_arguments(parameters, args)
      named = parameters.filter_map { |kind, name| name.to_s if %i[key keyreq].include?(kind) } + unknown
      [positional, args.slice(*named).transform_keys(&:to_sym)]
    end

    def positional_arguments(parameters, args)
      left_out = nil
      parameters.each_with_object([]) do |(kind, name), positional|
        given = args.key?(name.to_s)
        if %i[req keyreq].include?(kind) && !given
          raise ArgumentFault.new("MissingArgument", "main needs the argument `#{name}`, which was not given")
        end
        next unless %i[req opt].include?(kind)

        if given && left_out && kind == :opt
          raise ArgumentFault.new("InvalidArgument", "the argument `#{name}` cannot be given without `#{left_out}`: both are positional")
        end
        given ? positional << args[name.to_s] : left_out = name
      end
    end

    def report_result(result)
      write("R", JSON.generate(plain(result, "$", 0, []), max_nesting: 0))
    rescue Unfit => fault
      write_fields("I", path: fault.path, message: fault.message)
      exit(1)
    rescue JSON::GeneratorError => error
      write_fields("I", path: "$", message: error.message)
      exit(1)
    end

    # The value with nothing in it that JSON would change in silence: JSON.generate makes text of any object.
    def plain(value, path, depth, above)
      case value
      when nil, true, false, Integer then value
      when Float then value.finite? ? value : raise(Unfit.new(path, "#{value} is not a JSON number"))
      when String then text(value, path)
      when Symbol then text(value.to_s, path)
      when Hash, Array then container(value, path, depth, above)
      when Time then value.strftime(value.nsec.zero? ? "%FT%T%:z" : "%FT%T.%6N%:z")
      when Struct then plain(value.to_h, path, depth, above)
      else
        return value.iso8601 if defined?(Date) && value.is_a?(Date)

        raise Unfit.new(path, "a value of type #{value.class} is not JSON")
      end
    end

    def container(value, path, depth, above)
      raise Unfit.new(path, "the value contains itself") if above.any? { |other| other.equal?(value) }
      raise Unfit.new(path, "nested deeper than #{MAX_DEPTH} levels") if depth >= MAX_DEPTH

      above.push(value)
      result =
        if value.is_a?(Array)
          value.each_with_index.map { |item, index| plain(item, "#{path}[#{index}]", depth + 1, above) }
        else
          value.to_h { |key, item| [key_text(key, path), plain(item, "#{path}.#{key}", depth + 1, above)] }
        end
      above.pop
      result
    end

    def key_text(key, path)
      case key
      when String, Symbol, Numeric, true, false, nil then text(key.to_s, path)
      else raise Unfit.new(path, "a key of type #{key.class} is not JSON")
      end
    end

    def text(value, path)
      value = String.new(value, encoding: "UTF-8") if value.encoding == Encoding::BINARY
      value = value.encode("UTF-8")
      return value if value.valid_encoding?

      raise Unfit.new(path, "a string that is not UTF-8 is not JSON")
    rescue EncodingError
      raise Unfit.new(path, "a string that is not UTF-8 is not JSON")
    end

    def report_error(error)
      return write_fields("E", name: error.kind, message: error.message) if error.is_a?(ArgumentFault)

      fields = { name: error.class.name || "Error", message: message_of(error), stack: stack_of(error) }
      fields[:name] = "MemoryError" if error.is_a?(NoMemoryError)
      fields[:code] = error.class.name.delete_prefix("Errno::") if error.is_a?(SystemCallError)
      write_fields("E", **fields)
    end

    def message_of(error)
      error.message.to_s
    rescue Exception # rubocop:disable Lint/RescueException
      "(its text cannot be read)"
    end

    # Frames of the script and its gems, without those of this file around them.
    def stack_of(error)
      frames = (error.backtrace || []).reject { |line| line.start_with?(__FILE__, "<internal:") }.first(50)
      lines = ["#{error.class}: #{clip(message_of(error))}", *frames.map { |line| "  at #{line.delete_prefix("#{HERE}/")}" }]
      lines << "caused by #{stack_of(error.cause)}" if error.cause && !error.cause.equal?(error)
      lines.join("\n")
    rescue SystemStackError
      ""
    end

    def report_syntax(error, source)
      line, message = error.message[/^#{Regexp.escape(FILE)}:(\d+): (.*)/] ? [$1.to_i, $2] : [0, error.message.lines.first.to_s.chomp]
      fields = { message: message, line: line }
      fields[:text] = source.lines[line - 1].chomp.scrub if line.positive? && source.lines[line - 1]
      write_fields("S", **fields)
    end

    def clip(text)
      return text if text.length <= MAX_TEXT

      "#{text[0, MAX_TEXT / 2]}\n…\n#{text[-MAX_TEXT / 2..]}"
    end

    def write_fields(kind, **fields)
      texts = fields.transform_values do |field|
        next field unless field.is_a?(String)

        field = String.new(field, encoding: "UTF-8") if field.encoding == Encoding::BINARY
        clip(field.encode("UTF-8", invalid: :replace, undef: :replace).scrub)
      end
      write(kind, JSON.generate(texts))
    end

    def write(kind, data)
      # A child made by fork came back through main: the result is the parent's.
      return if Process.pid != PID || @reported

      @reported = true
      PIPE.write(kind, data)
      PIPE.flush
    end
  end

  # `gemfile do … end`, as bundler/inline has it: the gems are installed already, what is left is to load them.
  module Gemfile
    FEATURES = %w[bundler/inline windmill/inline].freeze

    class Declarations
      def gem(name, *_versions, require: true, **_options)
        return if require == false

        paths = require == true ? [name] : Array(require)
        paths.each { |path| Gemfile.load_gem(path.to_s, lenient: require == true) }
      end

      def source(*) = (yield if block_given?)
      def group(*, **) = yield
      def platforms(*) = yield
      def ruby(*, **); end
      alias platform platforms
    end

    def self.load_gem(path, lenient:)
      Kernel.require(path)
    rescue LoadError => error
      # As Bundler does: active-support may be active/support, and a gem without a file of its name has to be loaded by the script.
      raise unless lenient && error.path == path

      begin
        Kernel.require(path.tr("-", "/")) if path.include?("-")
      rescue LoadError
        nil
      end
    end

    def self.take_over
      Kernel.prepend(Module.new do
        def require(path)
          FEATURES.include?(path) ? false : super
        end
      end)
      Object.class_eval do
        private

        def gemfile(_install = false, **_options, &block)
          Declarations.new.instance_eval(&block)
        end
      end
    end
  end
end

Millrace.run
