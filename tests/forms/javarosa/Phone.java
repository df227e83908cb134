/* Fills in forms as ODK Collect does, with the JavaRosa inside ODK Validate: a test's phone.

   java Phone FOLDER      FOLDER holds FORM.xml, the CSVs and "answers": lines "name=value", "repeats=N".
   FORM.saved, where it is there, is what the phone last saved of this form, and "reopen=FILE" goes on
   with a copy that was saved before, as Collect does with a draft.
   Each line of the input names a FORM to fill in with the answers that stand there by then. The output
   has one line per question and note met on the way:
     asked NAME* [VALUE] {CHOICES}   no answer was given; * = required now
     took NAME=VALUE, refused NAME=VALUE: WHY, no choice NAME=VALUE, note NAME: TEXT
   then "valid" or "invalid PATH", the instance as it would be sent on one line, and "done". */

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.javarosa.core.model.Constants;
import org.javarosa.core.model.FormDef;
import org.javarosa.core.model.FormIndex;
import org.javarosa.core.model.SelectChoice;
import org.javarosa.core.model.ValidateOutcome;
import org.javarosa.core.model.data.AnswerDataFactory;
import org.javarosa.core.model.data.IAnswerData;
import org.javarosa.core.model.data.MultipleItemsData;
import org.javarosa.core.model.data.SelectOneData;
import org.javarosa.core.model.data.UncastData;
import org.javarosa.core.model.data.helper.Selection;
import org.javarosa.core.model.instance.InstanceInitializationFactory;
import org.javarosa.core.model.instance.TreeElement;
import org.javarosa.core.reference.PrefixedRootFactory;
import org.javarosa.core.reference.Reference;
import org.javarosa.core.reference.ReferenceManager;
import org.javarosa.core.services.IPropertyManager;
import org.javarosa.core.services.PropertyManager;
import org.javarosa.core.services.properties.IPropertyRules;
import org.javarosa.form.api.FormEntryController;
import org.javarosa.form.api.FormEntryModel;
import org.javarosa.form.api.FormEntryPrompt;
import org.javarosa.model.xform.XFormSerializingVisitor;
import org.javarosa.model.xform.XFormsModule;
import org.javarosa.xform.parse.XFormParser;
import org.javarosa.xform.util.XFormUtils;

public class Phone {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    public static void main(String[] args) throws Exception {
        PropertyManager.setPropertyManager(new NoProperties());
        ReferenceManager.instance().addReferenceFactory(new Folder(args[0]));
        new XFormsModule().registerModule();
        BufferedReader asked = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String name;
        while ((name = asked.readLine()) != null) {
            fill(Path.of(args[0]), name, answers(Path.of(args[0], "answers")));
            OUT.println("done");
        }
    }

    private static void fill(Path folder, String name, Map<String, String> answers) throws Exception {
        String saved = Files.exists(folder.resolve(name + ".saved")) ? "jr://file/" + name + ".saved" : null;
        FormDef form = XFormUtils.getFormFromFormXml(folder.resolve(name + ".xml").toString(), saved);
        if (answers.containsKey("reopen")) {
            goOn(form, Files.readAllBytes(folder.resolve(answers.get("reopen"))));
        }
        form.initialize(!answers.containsKey("reopen"), new InstanceInitializationFactory());
        walk(new FormEntryController(new FormEntryModel(form)), answers);
        ValidateOutcome wrong = form.validate(true);
        OUT.println(wrong == null ? "valid" : "invalid " + wrong.failedPrompt.getReference());
        byte[] sent = new XFormSerializingVisitor().serializeInstance(form.getInstance());
        OUT.println(new String(sent, StandardCharsets.UTF_8));
    }

    private static void goOn(FormDef form, byte[] kept) {
        TreeElement root = form.getInstance().getRoot().deepCopy(true);
        root.populate(XFormParser.restoreDataModel(kept, null).getRoot(), form);
        form.getInstance().setRoot(root);
    }

    private static Map<String, String> answers(Path file) throws IOException {
        Map<String, String> found = new LinkedHashMap<>();
        for (String line : Files.readAllLines(file)) {
            String[] parts = line.split("=", 2);
            found.put(parts[0], parts[1]);
        }
        return found;
    }

    private static void walk(FormEntryController form, Map<String, String> answers) {
        int repeats = Integer.parseInt(answers.getOrDefault("repeats", "0"));
        form.jumpToIndex(FormIndex.createBeginningOfFormIndex());
        int event;
        while ((event = form.stepToNextEvent()) != FormEntryController.EVENT_END_OF_FORM) {
            if (event == FormEntryController.EVENT_PROMPT_NEW_REPEAT && repeats-- > 0) {
                form.newRepeat();
            } else if (event == FormEntryController.EVENT_QUESTION) {
                ask(form, form.getModel().getQuestionPrompt(), answers);
            }
        }
    }

    private static void ask(FormEntryController form, FormEntryPrompt prompt, Map<String, String> answers) {
        String name = prompt.getIndex().getReference().getNameLast();
        if (prompt.isReadOnly()) {
            OUT.println("note " + name + ": " + prompt.getQuestionText());
        } else if (!answers.containsKey(name)) {
            String given = prompt.getAnswerText();
            OUT.println("asked " + name + (prompt.isRequired() ? "*" : "")
                    + (given == null ? "" : " [" + given + "]") + choices(prompt));
        } else {
            String said = name + "=" + answers.get(name);
            IAnswerData data = data(prompt, answers.get(name));
            if (data == null) {
                OUT.println("no choice " + said);
            } else if (form.answerQuestion(data, true) == FormEntryController.ANSWER_OK) {
                OUT.println("took " + said);
            } else {
                OUT.println("refused " + said + ": " + prompt.getConstraintText());
            }
        }
    }

    private static String choices(FormEntryPrompt prompt) {
        if (prompt.getSelectChoices() == null) {
            return "";
        }
        List<String> codes = new ArrayList<>();
        prompt.getSelectChoices().forEach(choice -> codes.add(choice.getValue()));
        return " {" + String.join(" ", codes) + "}";
    }

    private static IAnswerData data(FormEntryPrompt prompt, String value) {
        int control = prompt.getControlType();
        boolean one = control == Constants.CONTROL_SELECT_ONE;
        if (!one && control != Constants.CONTROL_SELECT_MULTI) {
            return AnswerDataFactory.templateByDataType(prompt.getDataType()).cast(new UncastData(value));
        }
        List<Selection> selected = new ArrayList<>();
        for (String code : value.split(" ")) {
            for (SelectChoice choice : prompt.getSelectChoices()) {
                if (choice.getValue().equals(code)) {
                    selected.add(choice.selection());
                }
            }
        }
        if (selected.isEmpty()) {
            return null;
        }
        return one ? new SelectOneData(selected.get(0)) : new MultipleItemsData(selected);
    }

    /** The form's CSVs, which Collect keeps in the form's media folder. */
    private static class Folder extends PrefixedRootFactory {
        private final String folder;

        Folder(String folder) {
            super(new String[] {"file-csv", "file"});
            this.folder = folder;
        }

        @Override
        protected Reference factory(String terminal, String uri) {
            return new OneFile(new File(folder, new File(terminal).getName()), uri);
        }
    }

    private record OneFile(File file, String uri) implements Reference {
        public boolean doesBinaryExist() { return file.exists(); }
        public InputStream getStream() throws IOException { return new FileInputStream(file); }
        public String getURI() { return uri; }
        public String getLocalURI() { return file.getPath(); }
        public boolean isReadOnly() { return true; }
        public OutputStream getOutputStream() { return null; }
        public void remove() {}
        public Reference[] probeAlternativeReferences() { return new Reference[0]; }
    }

    /** A phone that says "test" to every question about itself. */
    private static class NoProperties implements IPropertyManager {
        public List<String> getProperty(String name) { return List.of("test"); }
        public String getSingularProperty(String name) { return "test"; }
        public void setProperty(String name, String value) {}
        public void setProperty(String name, List<String> value) {}
        public void addRules(IPropertyRules rules) {}
        public List<IPropertyRules> getRules() { return List.of(); }
    }
}
